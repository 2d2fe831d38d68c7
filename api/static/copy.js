// A button beside each text that is there to be copied. Without a script the text is selected by hand.
const say = (button, text) => {
  button.textContent = text;
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
};

const select = (element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
};

for (const text of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${text.dataset.copy}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      say(button, "Copied");
    } catch {
      // Browsers give pages the clipboard only over https and from the own machine.
      select(text);
      say(button, "Selected: press Ctrl+C");
    }
  });
  text.before(button);
}
