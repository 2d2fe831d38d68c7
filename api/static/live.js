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
  const isInUse = (part) => isTypedInto(part) || part.querySelector("details.ask[open]") !== null;

  // A table that was unfolded stays so, and whatever had the focus or was scrolled to in the part has and is it again.
  const keep = (part, other) => {
    const unfolded = [...part.querySelectorAll("details")].map((each) => each.open);
    other.querySelectorAll("details").forEach((each, place) => { each.open = unfolded[place] ?? each.open; });
    const scrolled = [...part.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
    const focusable = "a[href], button, summary";
    const focused = [...part.querySelectorAll(focusable)].indexOf(document.activeElement);
    return () => {
      other.querySelectorAll(".scroll").forEach((each, place) => { if (scrolled[place]) [each.scrollLeft, each.scrollTop] = scrolled[place]; });
      if (focused >= 0) other.querySelectorAll(focusable)[focused]?.focus({ preventScroll: true });
    };
  };

  // Charts draw themselves: what they put into a part is no reason to swap it.
  const isSame = (part, other) => {
    const told = (each) => {
      const copy = each.cloneNode(true);
      for (const drawn of copy.querySelectorAll(".chart-tools, .chart-keys, .chart-message, .chart-room")) drawn.remove();
      for (const folded of copy.querySelectorAll("details")) folded.open = false;
      return copy.textContent.replace(/\s+/g, " ") + [...copy.querySelectorAll("[class], [value], [href]")].map((one) => `${one.className}${one.getAttribute("value")}${one.getAttribute("href")}`);
    };
    return told(part) === told(other);
  };

  const swap = (fresh) => {
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!other || isInUse(part) || isSame(part, other)) continue;
      const restore = keep(part, other);
      part.replaceWith(document.adoptNode(other));
      restore();
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
