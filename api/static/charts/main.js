// Draws every chart of a page from its own numbers, and again when there are new ones: what was zoomed stays.
// The library is fetched only here, so that a page without a chart never waits for it.
import { hears } from "../hearing.js";
import { restAfter } from "../pacing.js";
import { look } from "./look.js";
import { Reader } from "./reading.js";

// A page fetches the modules of its own charts alone; one of several kinds exports each by its name.
const MODULES = { running: "lines", curve: "lines", curves: "lines", update: "lines", feedback: "lines", besideCurves: "beside", differences: "beside" };
const kindOf = async (name) => {
  const found = await import(`./${MODULES[name] ?? name}.js`);
  return found[name] ?? found;
};
const library = import("../vendor/echarts-6.1.0/echarts.esm.min.mjs");
// News come in bursts; a chart is drawn again at most so often.
const REST_MS = 5000;
// What is read in several requests goes on this soon.
const AGAIN_MS = 400;
// A zoom that has not moved for so long has come to rest.
const ZOOM_MS = 250;
const charts = new Map();

const make = (name, more = {}, ...children) => {
  const element = Object.assign(document.createElement(name), more);
  element.append(...children);
  return element;
};

// Text on a canvas does not break by itself: lines of at most so many characters, broken at spaces.
export const broken = (text, most) => text.split("\n").flatMap((line) => line.match(new RegExp(`.{1,${most}}(?:\\s|$)|.{${most}}`, "g")) ?? [""]).map((line) => line.trimEnd()).join("\n");

class Chart {
  #data = null;
  #view = {};
  #chart = null;
  #busy = false;
  #rested = 0;
  #tools = make("div", { className: "chart-tools" });
  #keys = make("div", { className: "chart-keys" });
  #room = make("div", { className: "chart-room" });
  #caption = make("p", { className: "meta chart-caption" });
  #message = make("p", { className: "empty chart-message" });

  constructor(figure) {
    this.figure = figure;
    this.#room.setAttribute("role", "img");
    figure.querySelector("figcaption").after(this.#tools, this.#keys, this.#message, this.#room, this.#caption);
    this.#message.textContent = "Reading the numbers …";
    this.#room.hidden = true;
    new IntersectionObserver(([seen]) => { this.#isSeen = seen.isIntersecting; if (this.#isSeen && this.#missed) this.refresh(); }, { rootMargin: "200px" }).observe(figure);
  }

  // A chart that nobody sees is drawn again when somebody does.
  hear(kinds) {
    if (!hears(this.figure, kinds) && !this.figure.dataset.beat) return;
    this.#missed = true;
    if (this.#isSeen || this.figure.hasAttribute("data-empty")) this.refresh();
  }

  #isSeen = false;
  #missed = false;

  async refresh() {
    this.#missed = false;
    if (this.#busy || performance.now() < this.#rested) { this.#later(); return; }
    this.#busy = true;
    let rest = REST_MS;
    const reader = new Reader();
    try {
      this.kind ??= await kindOf(this.figure.dataset.chart);
      const { data, changed, again } = await this.kind.load(reader, this.figure.dataset.source, this.#data);
      rest = restAfter(reader.tookMs, REST_MS);
      this.#data = data;
      if (changed || !this.#chart) await this.draw();
      if (again) rest = AGAIN_MS;
    } catch (error) {
      if (!this.#chart) this.#say("The chart could not be drawn; the table below has its numbers.");
      console.warn(`chart ${this.figure.dataset.chart}: ${error.message}`);
    } finally {
      this.#busy = false;
      this.#rested = performance.now() + rest;
      if (rest === AGAIN_MS) this.#later();
    }
  }

  #planned = 0;
  #later() {
    if (!this.#planned) this.#planned = setTimeout(() => { this.#planned = 0; this.refresh(); }, Math.max(100, this.#rested - performance.now()));
  }

  #say(text) {
    this.#message.textContent = text;
    this.#message.hidden = !text;
    this.#room.hidden = Boolean(text);
  }

  async draw() {
    if (!this.#data) return;
    await library;
    const began = performance.now();
    const colours = look();
    const option = this.kind.option(this.#data, colours, this.#view);
    this.figure.toggleAttribute("data-empty", !option);
    if (!option) { this.#say(this.kind.empty ?? "Nothing to draw yet."); this.#tools.replaceChildren(); this.#keys.replaceChildren(); return; }
    this.#say("");
    this.#room.style.height = `${this.kind.height(this.#data, this.#view)}px`;
    if (!this.#chart) await this.#begin();
    else if (this.#chart.getHeight() !== this.#room.clientHeight) this.#chart.resize();
    const fit = (text) => broken(text, Math.min(64, Math.floor(this.#room.clientWidth / 8)));
    option.tooltip.formatter = (point, ticket, done) => fit(this.kind.tip(this.#data, point, (text) => done(ticket, fit(text)), this.#view));
    if (!this.#isMeasured) this.#measure(began);
    this.#chart.setOption(option, { replaceMerge: ["series"] });
    this.#showKeys(colours);
    this.#showTools();
    this.#showCaption();
    // There may be more of what is zoomed to, or the axis has changed.
    this.#zoom();
  }

  // How long it took from the numbers to the picture, for who measures this page.
  #isMeasured = false;
  #measure(start) {
    this.#isMeasured = true;
    const end = () => { this.#chart.off("finished", end); performance.measure(`chart ${this.figure.dataset.chart}`, { start, end: performance.now() }); };
    this.#chart.on("finished", end);
  }

  async #begin() {
    const echarts = await library;
    this.#chart = echarts.init(this.#room, null, { renderer: "canvas" });
    new ResizeObserver(() => this.#chart.resize()).observe(this.#room);
    this.#chart.on("click", async (point) => {
      // A finger asks for the tooltip first.
      if (!this.kind.press || point.event?.event?.zrByTouch) return;
      const address = await this.kind.press(this.#data, point, this.#view);
      if (address) location.assign(address);
    });
    this.#chart.on("datazoom", () => { this.#showTools(); this.#zoom(); });
  }

  // What is zoomed to may have more to show; it is read once the hand rests.
  #zooms = 0;
  #zoom() {
    if (!this.kind.zoomed) return;
    clearTimeout(this.#zooms);
    this.#zooms = setTimeout(async () => {
      const { startValue, endValue } = this.#chart.getOption().dataZoom[0];
      try {
        if (await this.kind.zoomed(new Reader(), this.#data, startValue, endValue)) await this.draw();
      } catch (error) { console.warn(`chart ${this.figure.dataset.chart}: ${error.message}`); }
    }, ZOOM_MS);
  }

  #showCaption() {
    const parts = this.kind.caption?.(this.#data) ?? [];
    this.#caption.hidden = !parts.length;
    this.#caption.replaceChildren(...parts.map((each) => (Array.isArray(each) ? make("a", { href: each[1] }, each[0]) : each)));
  }

  #hidden = new Set();
  #showKeys(colours) {
    const keys = this.kind.legend?.(this.#data, colours, this.#view) ?? [];
    this.#keys.replaceChildren(...keys.map(([name, colour, shape, isFixed]) => {
      const swatch = make("span", { className: `swatch ${shape}` });
      swatch.style.color = colour;
      const switches = this.#chart.getOption().legend?.[0]?.data?.length;
      if (isFixed || !switches) return make("span", { className: "key" }, swatch, name);
      const key = make("button", { className: "key", type: "button" }, swatch, name);
      key.setAttribute("aria-pressed", String(!this.#hidden.has(name)));
      key.addEventListener("click", () => {
        if (!this.#hidden.delete(name)) this.#hidden.add(name);
        key.setAttribute("aria-pressed", String(!this.#hidden.has(name)));
        this.#chart.dispatchAction({ type: "legendToggleSelect", name });
      });
      return key;
    }));
  }

  #showTools() {
    const tools = this.kind.toggles.map(([name, label]) => this.#tool(label, Boolean(this.#view[name]), () => { this.#view[name] = !this.#view[name]; }));
    for (const [value, label] of this.kind.choices?.(this.#data) ?? []) {
      tools.push(this.#tool(label, (this.#view.choice ?? 0) === value, () => { this.#view.choice = value; }));
    }
    const zoom = this.#chart.getOption().dataZoom?.[0];
    if (zoom && (zoom.start > 0.01 || zoom.end < 99.99)) {
      const reset = make("button", { type: "button" }, "show all");
      reset.addEventListener("click", () => this.#chart.dispatchAction({ type: "dataZoom", start: 0, end: 100 }));
      tools.push(reset);
    }
    // Replaced only where they change: a button that is focused stays the same button.
    const told = tools.map((each) => `${each.textContent}${each.getAttribute("aria-pressed")}`).join("|");
    if (this.#tools.dataset.told === told) return;
    const focused = [...this.#tools.children].findIndex((each) => each === document.activeElement);
    this.#tools.dataset.told = told;
    this.#tools.replaceChildren(...tools);
    if (focused >= 0) this.#tools.children[Math.min(focused, tools.length - 1)]?.focus();
  }

  #tool(label, pressed, act) {
    const button = make("button", { type: "button" }, label);
    button.setAttribute("aria-pressed", String(pressed));
    button.addEventListener("click", () => { act(); this.draw(); });
    return button;
  }
}

const begin = () => {
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    if (charts.has(figure)) continue;
    const chart = new Chart(figure);
    charts.set(figure, chart);
    chart.refresh();
  }
  for (const figure of charts.keys()) if (!figure.isConnected) charts.delete(figure);
};

const drawAll = () => { for (const chart of charts.values()) chart.draw(); };

begin();
document.addEventListener("live:news", ({ detail }) => { begin(); for (const chart of charts.values()) chart.hear(detail); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
matchMedia("(prefers-reduced-motion: reduce)").addEventListener("change", drawAll);
