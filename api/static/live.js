// Keeps a page up to date: events of the server, and a slow beat for numbers that make no events, say which parts may have
// changed; these are asked for, together and seldom, and mended in place. Without a script the page stays readable.
import { hears, isDue } from "./hearing.js";
import { mend } from "./mend.js";
import { restAfter, tookOf } from "./pacing.js";

const BEAT_S = 1;
// News come in bursts, and to many pages at once: each waits a little, and no two the same time.
const GATHER_MS = [150, 600];
const REST_MS = [3000, 5000];
const AGAIN_MS = 3000;
const between = ([least, most]) => least + Math.random() * (most - least);

const { body } = document;
const state = document.getElementById("live-state");
// What is looked at has entered another state: it is told at once, however long the page would rest.
const isTurn = (kind) => Boolean(body.dataset.search) && body.dataset.turns.split(" ").includes(kind);
const say = (text) => { if (state && state.textContent !== text) state.textContent = text; };
const parts = () => [...document.querySelectorAll("[data-part]")];
// What is folded is asked for when it is unfolded.
const isFolded = (part) => part.querySelector(":scope > details.numbers:not([open])") !== null;

class Live {
  #tags = new Map();
  #stale = new Set();
  #news = { kinds: new Set(), all: false };
  #seen = body.dataset.after || "0";
  #stream = null;
  #planned = 0;
  #rested = 0;
  #turned = false;
  #busy = false;
  #ends = false;
  #ended = false;
  #beat = 0;
  #began = performance.now();

  begin() {
    this.#beat = setInterval(() => this.#tick(), BEAT_S * 1000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#plan(); });
    document.addEventListener("toggle", () => this.#plan(), true);
    this.#listen();
  }

  #listen() {
    const query = new URLSearchParams({ after: this.#seen });
    if (body.dataset.search) query.set("search_id", body.dataset.search);
    this.#stream = new EventSource(`/api/v1/events?${query}`);
    this.#stream.onopen = () => { if (!this.#wanted().length) say("Live."); };
    this.#stream.onerror = () => { this.#hear(null); };
    for (const kind of body.dataset.kinds.split(" ")) {
      this.#stream.addEventListener(kind, (event) => { this.#seen = event.lastEventId; this.#hear(new Set([kind])); });
    }
  }

  // Null for news of anything.
  #hear(kinds) {
    for (const part of parts()) if (hears(part, kinds)) this.#stale.add(part.dataset.part);
    if (kinds) kinds.forEach((kind) => this.#news.kinds.add(kind)); else this.#news.all = true;
    if (kinds && [...kinds].some(isTurn)) this.#turn(); else this.#plan();
  }

  #turn() {
    this.#turned = true;
    clearTimeout(this.#planned);
    this.#planned = 0;
    this.#plan();
  }

  #seconds = 0;
  #tick() {
    const before = this.#seconds;
    this.#seconds = (performance.now() - this.#began) / 1000;
    const due = parts().filter((part) => isDue(part, before, this.#seconds));
    for (const part of due) this.#stale.add(part.dataset.part);
    if (due.length) this.#plan();
    // A server that refused the stream, or a browser that gave up: the stream begins where it ended.
    if (this.#stream.readyState === EventSource.CLOSED && isDue({ dataset: { beat: AGAIN_MS / 1000 } }, before, this.#seconds)) this.#listen();
  }

  #plan() {
    if (this.#planned || this.#ended || document.hidden || !this.#wanted().length) return;
    const rest = this.#turned ? 0 : this.#rested - performance.now();
    this.#planned = setTimeout(() => this.#refresh(), Math.max(between(GATHER_MS), rest));
  }

  #wanted() {
    return parts().filter((part) => this.#stale.has(part.dataset.part) && (this.#ends || !isFolded(part))).map((part) => part.dataset.part);
  }

  async #refresh() {
    this.#planned = 0;
    const names = this.#wanted();
    if (document.hidden || this.#busy || !names.length) return;
    this.#busy = true;
    this.#turned = false;
    for (const name of names) this.#stale.delete(name);
    let took = 0;
    try {
      const answer = await this.#ask(names);
      took = tookOf(answer);
      if (answer.status !== 304 && !answer.ok) throw new Error("The server answers with an error.");
      if (answer.ok) this.#take(await answer.json());
      say("Live.");
      this.#tellCharts();
      if (this.#ends && !this.#wanted().length) this.#stop();
    } catch (error) {
      for (const name of names) this.#stale.add(name);
      say(error instanceof TypeError ? "The server does not answer; trying again." : error.message);
    } finally {
      this.#busy = false;
      this.#rested = performance.now() + restAfter(took, between(REST_MS));
      this.#plan();
    }
  }

  #ask(names) {
    const query = new URLSearchParams(location.search);
    query.set("parts", names.join(","));
    query.set("heard", this.#seen);
    const known = names.map((name) => this.#tags.get(name)).filter(Boolean);
    const headers = { Accept: "application/json", ...(known.length ? { "If-None-Match": known.join(", ") } : {}) };
    return fetch(`${location.pathname}?${query}`, { headers, cache: "no-store" });
  }

  #take({ parts: told, live }) {
    for (const part of parts()) {
      const found = told[part.dataset.part];
      if (!found) continue;
      this.#tags.set(part.dataset.part, found.tag);
      mend(part, found.html);
    }
    // The last look is at everything.
    if (!live && !this.#ends) { this.#ends = true; this.#hear(null); }
  }

  #tellCharts() {
    const { kinds, all } = this.#news;
    this.#news = { kinds: new Set(), all: false };
    document.dispatchEvent(new CustomEvent("live:news", { detail: all ? null : kinds }));
  }

  #stop() {
    clearInterval(this.#beat);
    this.#stream.close();
    delete body.dataset.live;
    this.#ended = true;
    say("");
  }
}

if ("live" in body.dataset) new Live().begin();
