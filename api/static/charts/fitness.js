// All trials of a search as points in the order in which they finished, seen against backprop, chance and its counterpart.
import { base, faded, overRug, percent, percentAxis, signed } from "./look.js";
import { Points, cloud, swatchOf } from "./points.js";
import { readOnce } from "./reading.js";

// Of a long search the service sends one of every so many finishes, drawn by lot, with every record; failures are counted.
class Course {
  constructor(id) {
    this.address = `/searches/${id}/charts/fitness`;
    this.#begin();
  }

  #begin() {
    Object.assign(this, { last: 0, every: 0, record: null, best: [], kinds: new Map(), failures: new Map(), width: 1, low: Infinity, high: -Infinity });
  }

  async more(reader) {
    const before = this.last;
    for (;;) {
      const page = await reader.read(`${this.address}?after=${this.last}${this.every ? `&every=${this.every}` : ""}${this.record === null ? "" : `&best=${this.record}`}`);
      // It has grown so long since it was first read that it is drawn in larger steps, from the start.
      if (this.every && !page.more && page.fits > this.every) { this.#begin(); continue; }
      this.#hear(page);
      if (!page.more) return this.last !== before;
    }
  }

  // Those from one finish to another.
  async all(reader, from, to) {
    this.#hear(await reader.read(`${this.address}?after=${from - 1}&limit=${to - from + 1}&every=1`));
  }

  #hear(page) {
    [this.last, this.every, this.record, this.width] = [page.last, page.every, page.best, page.failed.width];
    if (page.low !== null) [this.low, this.high] = [Math.min(this.low, page.low / 100), Math.max(this.high, page.high / 100)];
    page.order.forEach((order, place) => this.#take(page, order, place));
    page.failed.first.forEach((first, place) => {
      const kind = FAILED[page.failed.state[place]] ?? "rug failed";
      if (!this.failures.has(kind)) this.failures.set(kind, new Map());
      const counts = this.failures.get(kind);
      counts.set(first, (counts.get(first) ?? 0) + page.failed.count[place]);
    });
  }

  #take(page, order, place) {
    const kind = kindOf(page.purpose[place], page.state[place], page.rung[place]);
    if (!kind) return;
    if (!this.kinds.has(kind)) this.kinds.set(kind, new Points());
    const level = page.accuracy[place] / 100;
    this.kinds.get(kind).add(order, level);
    if (kind !== "trained" || (this.best.length && level <= this.best.at(-1)[1])) return;
    if (this.best.length) this.best.push([order, this.best.at(-1)[1]]);
    this.best.push([order, level]);
  }

  get line() { return this.best.length ? [...this.best, [this.last, this.best.at(-1)[1]]] : []; }
  get names() { return [...this.kinds.keys(), ...this.failures.keys()]; }
}

// All finishes of a stretch that somebody has zoomed to.
const stretchOf = async (reader, id, from, to) => {
  const course = new Course(id);
  await course.all(reader, from, to);
  return { from, to, course };
};

const FAILED = { d: "rug diverged", p: "rug stopped", x: "rug screened out" };

const kindOf = (purpose, state, rung) => {
  if (purpose === "b") return state === "c" ? "backprop" : null;
  if (purpose === "y") return state === "c" ? "yardstick" : null;
  if (state === "c") return purpose === "r" ? "again" : "trained";
  return rung === "-" ? "stopped" : `rung ${rung}`;
};

const finish = (id, order) => readOnce(`/searches/${id}/charts/finishes/${order}`);

const nameOf = (kind) => ({ trained: "trained to the end", again: "measured again", backprop: "backprop, in the search", yardstick: "yardstick", stopped: "stopped early" })[kind]
  ?? (kind.startsWith("rung") ? `stopped at rung ${kind.slice(5)}` : kind.replace("rug ", ""));

const styleOf = (kind, look, place) => ({
  trained: { color: look.ink, opacity: 0.45, size: 5 },
  again: { color: look.ink, opacity: 0.9, size: 7, symbol: "diamond" },
  backprop: { color: look.blue, opacity: 1, size: 9, symbol: "triangle" },
  yardstick: { color: look.violet, opacity: 1, size: 8, symbol: "rect" },
  "rug diverged": { color: look.warn, opacity: 0.8 },
  "rug failed": { color: look.bad, opacity: 0.8 },
  "rug stopped": { color: look.soft, opacity: 0.6 },
  "rug screened out": { color: look.violet, opacity: 0.5 },
})[kind] ?? { color: [look.soft, look.violet, look.blue][place % 3], opacity: 0.35, size: 4 };

const series = (kind, points, look, place) => ({
  id: kind, name: nameOf(kind), ...cloud(points, styleOf(kind, look, place)), dimensions: ["order", "accuracy"], z: kind === "trained" ? 3 : kind.startsWith("rung") ? 2 : 5,
});

// A mark is as dark as many of its finishes failed.
const rug = (kind, { counts, width }, look) => {
  const style = styleOf(kind, look, 0);
  const shade = (count) => style.opacity * (0.25 + 0.75 * Math.min(1, count / width));
  return {
    id: kind, name: nameOf(kind), type: "scatter", xAxisIndex: 1, yAxisIndex: 1, dimensions: ["order", "level", "count", "width"],
    data: [...counts].map(([first, count]) => ({ value: [first + (width - 1) / 2, 0, count, width], itemStyle: { opacity: shade(count) } })),
    symbol: "rect", symbolSize: [2, 12], itemStyle: { color: style.color }, z: 2,
  };
};

const stepped = (id, name, data, colour, more = {}) => ({
  id, name, type: "line", data, showSymbol: false, symbol: "none", lineStyle: { color: colour, width: 2, ...more }, itemStyle: { color: colour }, z: 4, tooltip: { show: false }, silent: true,
});

const level = (text, y, look, colour, type) => ({
  yAxis: y, label: { formatter: text, position: "insideEndTop", color: colour, fontSize: 11, textBorderColor: look.card, textBorderWidth: 3 }, lineStyle: { color: colour, type, width: 1.5 },
});

const levels = (data, look) => {
  const { frame } = data;
  const lines = [];
  const bands = [];
  for (const [found, colour] of [[frame.backprop, look.blue], [frame.best, look.accent]]) {
    if (!found) continue;
    lines.push(level("", found.mean / 100, look, colour, "dashed"));
    if (found.std) bands.push([{ yAxis: (found.mean - found.std) / 100, itemStyle: { color: faded(colour, 0.12) } }, { yAxis: (found.mean + found.std) / 100 }]);
  }
  if (frame.chance !== null) lines.push(level("chance", frame.chance / 100, look, look.soft, "dotted"));
  return {
    id: "levels", type: "line", data: [], silent: true,
    markLine: { symbol: "none", silent: true, animation: false, data: lines },
    markArea: { silent: true, animation: false, data: bands },
  };
};

const range = (data) => {
  const { frame } = data;
  const ends = [data.course.low, data.course.high, data.other?.best.at(-1)?.[1]];
  for (const each of [frame.backprop, frame.best]) if (each) ends.push((each.mean - (each.std ?? 0)) / 100, (each.mean + (each.std ?? 0)) / 100);
  if (frame.chance !== null) ends.push(frame.chance / 100);
  const finite = ends.filter(Number.isFinite);
  return [Math.min(...finite), Math.max(...finite)];
};

// Accuracies span less than a power of ten: a line for every doubling.
const doubling = (look, low, high) => ({
  type: "log", logBase: 2, min: 2 ** Math.floor(Math.log2(Math.max(low, 0.1))), max: 2 ** Math.ceil(Math.log2(Math.max(high, 0.2))), interval: undefined,
  axisLabel: { color: look.soft, fontSize: 12, formatter: (value) => Number(value.toPrecision(3)) },
});

export const height = () => 400;
export const empty = "No trial has finished yet. Each becomes a point here.";
export const toggles = [["logX", "log order"], ["logY", "log accuracy"]];

export const load = async (reader, source, before) => {
  const id = source.split("/")[2];
  const data = before ?? { id, course: new Course(id), other: null, stretch: null };
  const [frame, grew] = await Promise.all([reader.read(`${source}/frame`), data.course.more(reader)]);
  if (frame.counterpart && !data.other) data.other = new Course(frame.counterpart.id);
  const otherGrew = data.other ? await data.other.more(reader) : false;
  const changed = grew || otherGrew || JSON.stringify(frame) !== JSON.stringify(data.frame);
  data.frame = frame;
  return { data, changed };
};

// What is zoomed to is drawn whole, and only that: nothing else is in sight.
const pointsOf = ({ course, stretch }, kind) => (stretch?.course ?? course).kinds.get(kind) ?? new Points();

const failuresOf = ({ course, stretch }, kind) => {
  const shown = stretch?.course ?? course;
  return { counts: shown.failures.get(kind) ?? new Map(), width: shown.width };
};

// A kind that no lot fell on may be in what is zoomed to; it comes last, so that the others keep their colours.
const namesOf = ({ course, stretch }) => [...new Set([...course.names.sort(), ...(stretch?.course.names.sort() ?? [])])];

const isThinned = ({ course }) => course.every > 1;

// A stretch of at most so many finishes is read whole.
const A_STRETCH = 5000;

// Takes the ends of the axis in sight, resolves to whether the chart is to be drawn again.
export const zoomed = async (reader, data, low, high) => {
  const [from, to] = [Math.max(1, Math.floor(low)), Math.min(data.course.last, Math.ceil(high))];
  const had = data.stretch;
  data.wanted = `${from}-${to}`;
  if (!isThinned(data) || to < from || to - from >= A_STRETCH) {
    data.stretch = null;
    return Boolean(had);
  }
  if (had && had.from === from && had.to === to) return false;
  const wanted = data.wanted;
  const found = await stretchOf(reader, data.id, from, to);
  if (data.wanted !== wanted) return false; // somebody has zoomed on meanwhile
  data.stretch = found;
  return true;
};

const number = (value) => value.toLocaleString("en");

// What is drawn of a long search, and where the rest is: texts, and texts with an address.
export const caption = (data) => {
  const { course, stretch, id } = data;
  if (!isThinned(data)) return [];
  if (stretch) return [`All trials that finished as number ${number(stretch.from)} to ${number(stretch.to)}.`];
  return [
    `One of every ${number(course.every)} of ${number(course.last)} trials, drawn by lot, and every record; failures are counted by ${number(course.width)} finishes. Zoom in on ${number(A_STRETCH)} or fewer, by Ctrl and the wheel or the ends of the bar, to see all of a stretch. All trials: `,
    ["list", `/searches/${id}/trials`], ", ", ["export", `/api/v1/searches/${id}/tables/trials?format=csv`], ".",
  ];
};

export const option = (data, look, view) => {
  const { course, other, frame } = data;
  if (!course.last) return null;
  const last = Math.max(course.last, other?.last ?? 0);
  const [low, high] = range(data);
  const x = { type: view.logX ? "log" : "value", min: 1, max: Math.max(last, 2), minInterval: 1 };
  const found = namesOf(data).map((kind, place) => (kind.startsWith("rug") ? rug(kind, failuresOf(data, kind), look) : series(kind, pointsOf(data, kind), look, place)));
  found.push(stepped("best", "best so far", course.line, look.accent));
  if (other) found.push(stepped("other", `best so far, ${frame.counterpart.called}`, other.line, look.warn, { type: "dashed" }));
  return {
    ...base(look, `${summary(data)}`),
    animation: false,
    ...overRug(look, {
      x: { ...x, name: "trials in the order they finished" }, hasRug: found.some((each) => each.xAxisIndex === 1),
      y: percentAxis(look, low, high, view.logY ? doubling(look, low, high) : {}),
    }),
    legend: { show: false, data: found.map((each) => each.name) },
    series: [...found, levels(data, look)],
  };
};

const countText = (point) => {
  const [middle, , count, width] = point.value;
  const first = middle - (width - 1) / 2;
  return `${count} ${point.seriesName}\nof those that finished as number ${number(first)} to ${number(first + width - 1)}`;
};

const isCount = (point) => (point.value?.[3] ?? 1) > 1;

export const tip = (data, point, done) => {
  if (isCount(point)) return countText(point);
  const [order, accuracy] = point.value;
  const rug = point.seriesId.startsWith("rug");
  const { backprop } = data.frame;
  const against = backprop && !rug ? `, ${signed(100 * accuracy - backprop.mean)} points to backprop` : "";
  const head = rug ? `${point.seriesName}` : `${accuracy.toFixed(2)} %${against}`;
  const where = `${point.seriesName}, finished as number ${order}`;
  finish(data.id, order)
    .then((found) => done(`${head}\n${found.equation}\n#${found.individual}, seed ${found.seed}, ${found.purpose}\n${where}${found.reason ? `\n${found.reason.slice(0, 160)}` : ""}`))
    .catch(() => done(`${head}\n${where}`));
  return `${head}\n${where}`;
};

export const press = async (data, point) => (point.value && !isCount(point) ? `/trials/${(await finish(data.id, point.value[0])).trial}` : null);

// What most of the points are comes first, what has no place among them last.
const FIRST = ["trained", "again"];
const placeOf = (kind) => (FIRST.includes(kind) ? FIRST.indexOf(kind) - FIRST.length : kind.startsWith("rug") ? 1 : 0);
const inOrder = (keys) => keys.sort(([one], [other]) => placeOf(one) - placeOf(other));

const spread = ({ mean, std, n }) => `${percent(mean)}${std === null ? "" : ` ± ${percent(std)}`}, n = ${n}`;

export const legend = (data, look) => {
  const keys = inOrder(namesOf(data).map((kind, place) => [kind, styleOf(kind, look, place)])).map(([kind, style]) => [nameOf(kind), ...swatchOf(style, kind.startsWith("rug"))]);
  if (data.course.best.length) keys.push(["best so far", look.accent, "line"]);
  if (data.other) keys.push([`best so far, ${data.frame.counterpart.called}`, look.warn, "line"]);
  const { backprop, best, confirmed } = data.frame;
  if (backprop) keys.push([`plain backprop${confirmed ? ", confirmed" : ""}: ${spread(backprop)}`, look.blue, "dashes", true]);
  if (best) keys.push([`best, confirmed: ${spread(best)}`, look.accent, "dashes", true]);
  return keys;
};

export const summary = (data) => {
  const { course, frame } = data;
  const best = course.best.at(-1);
  const against = frame.backprop ? `, plain backprop at ${percent(frame.backprop.mean)} %` : "";
  return `${course.last} trials by validation accuracy in the order they finished; ${best ? `the best so far has ${best[1].toFixed(1)} %, found as number ${best[0]}` : "none was trained to the end"}${against}.${isThinned(data) ? ` ${caption(data).map((each) => (Array.isArray(each) ? each[0] : each)).join("")}` : ""}`;
};
