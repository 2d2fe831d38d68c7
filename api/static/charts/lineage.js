// All proposals of a search as points by number and fitness: one is chosen, and its ancestry is drawn by the page. Those that
// the page has drawn already are joined.
import { base, overRug, percent, percentAxis } from "./look.js";
import { Points, cloud, crowding, swatchOf } from "./points.js";
import { readOnce } from "./reading.js";

const NAMES = { m: "mutation", r: "random", s: "start", i: "injected", b: "backprop", y: "yardstick", t: "twin, at the fitness of the other", n: "without a fitness" };
const ORDER = ["n", "t", "r", "m", "i", "s", "y", "b"];

const styleOf = (kind, look) => ({
  n: { color: look.soft, opacity: 0.8, size: 4 }, t: { color: look.violet, opacity: 0.45, size: 5, symbol: "emptyCircle" },
  r: { color: look.soft, opacity: 0.45, size: 5 }, m: { color: look.ink, opacity: 0.5, size: 5 }, i: { color: look.warn, opacity: 0.9, size: 8, symbol: "diamond" },
  s: { color: look.accent, opacity: 0.95, size: 9, symbol: "rect" }, y: { color: look.violet, opacity: 1, size: 9, symbol: "rect" }, b: { color: look.blue, opacity: 1, size: 10, symbol: "triangle" },
})[kind];

export const toggles = [["logX", "log order"]];
export const height = () => 380;

// Behind the address stand the numbers of those that the page draws, the chosen first.
export const load = async (reader, source, before) => {
  const [address, drawn] = source.split("#");
  const data = { address, drawn: drawn ? drawn.split(",").map(Number) : [], fitness: [], kinds: new Map(), own: 0 };
  for (let after = -1, more = true; more;) {
    const page = await reader.read(`${address}?after=${after}`);
    const twins = new Map(page.twins);
    page.fitness.forEach((own, place) => {
      const fitness = own ?? data.fitness[twins.get(place)] ?? null;
      const number = after + 1 + place;
      data.fitness[number] = fitness;
      // A measurement counts where its equation stands, and has no place of its own.
      if (page.origin[place] === "a") return;
      const origin = page.origin[place] === "o" ? "m" : page.origin[place];
      const kind = fitness === null ? "n" : twins.has(place) ? "t" : origin;
      if (!data.kinds.has(kind)) data.kinds.set(kind, new Points());
      data.kinds.get(kind).add(number, fitness === null ? 0 : fitness / 100);
    });
    after = page.last;
    more = page.more;
  }
  return { data, changed: !before || before.fitness.length !== data.fitness.length || before.fitness.some((each, number) => each !== data.fitness[number]) };
};

const kindsOf = (data) => ORDER.filter((kind) => data.kinds.has(kind));

export const option = (data, look, view) => {
  const known = data.fitness.filter((each) => each !== null);
  if (!known.length) return null;
  const [low, high] = known.reduce(([least, most], each) => [Math.min(least, each), Math.max(most, each)], [Infinity, -Infinity]);
  const x = { type: view.logX ? "log" : "value", min: view.logX ? 1 : 0, max: Math.max(data.fitness.length - 1, 2), minInterval: 1 };
  const joined = [...data.drawn].filter((number) => (data.fitness[number] ?? null) !== null).sort((a, b) => a - b).map((number) => [number, data.fitness[number] / 100]);
  const chosen = data.drawn.length && (data.fitness[data.drawn[0]] ?? null) !== null ? [[data.drawn[0], data.fitness[data.drawn[0]] / 100]] : [];
  return {
    ...base(look, summary(data)),
    animation: false,
    ...overRug(look, { x: { ...x, name: "number of the proposal" }, hasRug: data.kinds.has("n"), y: percentAxis(look, low / 100, high / 100, { name: "fitness, %" }) }),
    legend: { show: false, data: kindsOf(data).map((kind) => NAMES[kind]) },
    series: [
      ...kindsOf(data).map((kind) => {
        const points = data.kinds.get(kind);
        const ofRug = { xAxisIndex: 1, yAxisIndex: 1, symbol: "rect", symbolSize: [crowding(points) < 1 ? 1 : 2, 12] };
        return { id: kind, name: NAMES[kind], ...cloud(points, styleOf(kind, look)), dimensions: ["number", "fitness"], z: 2 + ORDER.indexOf(kind), ...(kind === "n" ? ofRug : {}) };
      }),
      { id: "ancestry", name: "ancestry", type: "line", data: joined, silent: true, symbol: "circle", symbolSize: 7, showSymbol: true, lineStyle: { color: look.accent, width: 2 }, itemStyle: { color: look.accent }, z: 20, tooltip: { show: false } },
      { id: "chosen", name: "chosen", type: "scatter", data: chosen, silent: true, symbolSize: 17, itemStyle: { color: "transparent", borderColor: look.accent, borderWidth: 3 }, z: 21, tooltip: { show: false } },
    ],
  };
};

export const tip = (data, point, done) => {
  const [number, fitness] = point.value;
  const head = `#${number}  ${point.seriesId === "n" ? "no fitness" : `${fitness.toFixed(2)} %`}, ${NAMES[point.seriesId]}`;
  readOnce(`${data.address}/${number}`)
    .then((found) => done([head, found.equation, found.change, found.screened_out && `screened out: ${found.screened_out}`].filter(Boolean).join("\n")))
    .catch(() => done(head));
  return head;
};

export const press = async (_, point) => (point.value ? `${location.pathname}?individual=${point.value[0]}#ancestry` : null);

export const legend = (data, look) => {
  const keys = kindsOf(data).map((kind) => [NAMES[kind], ...swatchOf(styleOf(kind, look), kind === "n")]).reverse();
  if (data.drawn.length) keys.push(["ancestry of the one chosen", look.accent, "line", true]);
  return keys;
};

const summary = (data) => {
  const best = data.fitness.reduce((found, each, number) => (each !== null && (found === null || each > data.fitness[found]) ? number : found), null);
  return `${data.fitness.length} proposals by their numbers and fitness; the best is ${best} with ${percent(data.fitness[best])} %.`;
};

export const empty = "None has a fitness yet.";
