// Keeps a page up to date: every event of the server, and a slow beat for numbers that make no events, fetches the page
// again and swaps its parts. Without a script, or without event streams, the page stays readable; then it is fetched by time.
(() => {
  "use strict";
  const body = document.body;
  if (!("live" in body.dataset)) return;

  const BEAT_MS = 4000;
  const GATHER_MS = 400;
  const state = document.getElementById("live-state");
  let planned = 0;
  let busy = false;
  let again = false;

  const say = (text) => {
    if (state && state.textContent !== text) state.textContent = text;
  };

  const isTypedInto = (part) => part.contains(document.activeElement) && document.activeElement !== body
    && ["INPUT", "TEXTAREA", "SELECT"].includes(document.activeElement.tagName);

  // A part with an unfolded question is left alone: swapping it would fold the question under the hand that answers it.
  const isInUse = (part) => isTypedInto(part) || part.querySelector("details[open]") !== null;

  const swap = (fresh) => {
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (other && !isInUse(part) && part.innerHTML !== other.innerHTML) part.replaceWith(document.adoptNode(other));
    }
    document.dispatchEvent(new CustomEvent("live:news"));
    if (!("live" in fresh.body.dataset)) stop();
  };

  const refresh = async () => {
    planned = 0;
    if (document.hidden) return;
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      say(answer.ok ? "Live." : "The server answers with an error.");
    } catch {
      say("The server does not answer; trying again.");
    } finally {
      busy = false;
      if (again) { again = false; plan(); }
    }
  };

  const plan = () => { if (!planned) planned = setTimeout(refresh, GATHER_MS); };

  const beat = setInterval(plan, BEAT_MS);
  let stream = null;
  const stop = () => {
    clearInterval(beat);
    if (stream) stream.close();
    delete body.dataset.live;
    say("");
  };

  if ("EventSource" in window) {
    const query = new URLSearchParams({ after: body.dataset.after || "0" });
    if (body.dataset.search) query.set("search_id", body.dataset.search);
    stream = new EventSource(`/api/v1/events?${query}`);
    stream.onopen = () => say("Live.");
    for (const kind of body.dataset.kinds.split(" ")) stream.addEventListener(kind, plan);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) plan(); });
})();
