// Equations, or searches, side by side: their curves over each other, and how far each pair is apart.
import { around, axis, base, faded, percent, percentAxis, signed } from "./look.js";
import { whole } from "./reading.js";

const DASHES = ["solid", "dashed", "dotted"];
const colourOf = (look, place) => look.lines[place % look.lines.length];

const ends = (line) => line.mean.flatMap((mean, place) => [(mean - (line.std[place] ?? 0)) / 100, (mean + (line.std[place] ?? 0)) / 100]);

// Mean and deviation as a shape of its own: areas of a chart begin at zero, where this axis does not.
const band = (line, look, place) => {
  const known = line.at.map((at, index) => [at, line.mean[index], line.std[index]]).filter(([, , std]) => std !== null);
  return {
    id: `band ${line.name}`, name: line.name, type: "custom", silent: true, z: 1, clip: true, tooltip: { show: false },
    data: known.length > 1 ? [[known[0][0], known[0][1] / 100]] : [],
    renderItem: (_, api) => {
      const edge = (sign) => known.map(([at, mean, std]) => api.coord([at, (mean + sign * std) / 100]));
      return { type: "polygon", shape: { points: [...edge(1), ...edge(-1).reverse()] }, style: { fill: faded(colourOf(look, place), 0.16) }, silent: true };
    },
  };
};

const curves = {
  toggles: [],
  height: () => 340,
  load: whole,
  option: (data, look) => {
    const drawn = data.lines.map((line, place) => [line, place]).filter(([line]) => line.at.length > 1);
    if (!drawn.length) return null;
    const values = drawn.flatMap(([line]) => ends(line));
    const isCourse = data.x === "trainings";
    return {
      ...base(look, `${isCourse ? "Best fitness by trainings" : "Validation accuracy by epoch"}: ${drawn.map(([line]) => `${line.name}, ${line.text}, ends at ${percent(line.mean.at(-1))} %`).join("; ")}.`),
      grid: { left: 46, right: 30, top: 30, bottom: 44 },
      legend: { show: false, data: drawn.map(([line]) => line.name) },
      xAxis: axis(look, { type: "value", min: 0, max: Math.max(...drawn.map(([line]) => line.at.at(-1))), name: data.x, nameGap: 26, minInterval: isCourse ? 1 : 0 }),
      yAxis: percentAxis(look, Math.min(...values), Math.max(...values), isCourse ? { name: "best fitness, %" } : {}),
      series: drawn.flatMap(([line, place]) => [
        band(line, look, place),
        {
          id: line.name, name: line.name, type: "line", step: isCourse ? "end" : false, z: 3,
          data: line.at.map((at, index) => ({ value: [at, line.mean[index] / 100], place, index })),
          showSymbol: line.at.length < 40, symbol: "circle", symbolSize: 5,
          lineStyle: { color: colourOf(look, place), width: 2, type: DASHES[Math.floor(place / look.lines.length)] }, itemStyle: { color: colourOf(look, place) },
          endLabel: { show: true, formatter: "{a}", color: colourOf(look, place), fontWeight: 700 }, labelLayout: { moveOverlap: "shiftY" }, emphasis: { focus: "series" },
        },
      ]),
    };
  },
  tip: (data, point) => {
    const { place, index } = point.data;
    const line = data.lines[place];
    const spread = line.std[index] === null ? "" : ` ± ${percent(line.std[index])}`;
    return `${line.name}  ${line.text}\n${percent(line.mean[index], 2)} %${spread} at ${line.at[index]} ${data.x}${line.n.length ? `, n = ${line.n[index]}` : ""}`;
  },
  legend: (data, look) => data.lines.filter((line) => line.at.length > 1).map((line) => [line.name, colourOf(look, data.lines.indexOf(line)), "line"]),
  empty: "No two points of a curve.",
};

const ROW = 34;

const shown = (data, view) => [...(data.settings[view.choice ?? 0]?.pairs ?? [])].reverse();

// The sign of a difference is known where its interval leaves zero out.
const colourOfPair = (pair, look) => {
  if (pair.low === null || (pair.low <= 0 && pair.high >= 0)) return look.soft;
  return pair.mean > 0 ? look.accent : look.bad;
};

const differences = {
  toggles: [],
  choices: (data) => (data.settings.length > 1 ? data.settings.map((each, place) => [place, each.words]) : []),
  height: (data, view) => 60 + ROW * Math.max(shown(data, view).length, 1),
  load: whole,
  option: (data, look, view) => {
    const pairs = shown(data, view);
    if (!pairs.length) return null;
    const every = [0, ...pairs.flatMap((pair) => [pair.low ?? pair.mean, pair.mean, pair.high ?? pair.mean].map((each) => each / 100))];
    const span = Math.min(Math.max(...every.map(Math.abs)), 100);
    const { interval } = around(0, span);
    const max = Math.ceil((1.02 * span) / interval) * interval || interval;
    const mark = (pair, place) => ({
      value: [pair.mean / 100, place], pair,
      itemStyle: pair.selecting ? { color: look.card, borderColor: colourOfPair(pair, look), borderWidth: 2 } : { color: colourOfPair(pair, look) },
    });
    return {
      ...base(look, `Differences with 95 % intervals: ${[...pairs].reverse().map((pair) => `${pair.name} ${signed(pair.mean)} points`).join("; ")}.`),
      grid: { left: 62, right: 62, top: 8, bottom: 46 },
      legend: { show: false },
      xAxis: axis(look, { type: "value", min: -max, max, interval, name: "difference, points", nameGap: 26, axisLabel: { color: look.soft, fontSize: 12, hideOverlap: true, formatter: (value) => (Math.abs(value) < 1e-9 ? "0" : signed(100 * value, Number.isInteger(interval) ? 0 : 2)) } }),
      yAxis: [
        axis(look, { type: "category", data: pairs.map((pair) => pair.name), splitLine: { show: false }, axisLabel: { color: look.ink, fontSize: 13, interval: 0 } }),
        axis(look, { type: "category", data: pairs.map((pair) => `n = ${pair.n}`), splitLine: { show: false }, axisLine: { show: false }, axisLabel: { color: look.soft, fontSize: 11, interval: 0 } }),
      ],
      series: [
        {
          id: "interval", type: "custom", silent: true, z: 2, tooltip: { show: false }, dimensions: ["place", "low", "high"], encode: { x: [1, 2], y: 0 },
          data: pairs.map((pair, place) => [place, pair.low === null ? null : pair.low / 100, pair.high === null ? null : pair.high / 100]).filter((each) => each[1] !== null),
          renderItem: (_, api) => {
            const [x1, y] = api.coord([api.value(1), api.value(0)]);
            const [x2] = api.coord([api.value(2), api.value(0)]);
            const line = (from, y1, to, y2) => ({ type: "line", shape: { x1: from, y1, x2: to, y2 }, style: { stroke: colourOfPair(pairs[api.value(0)], look), lineWidth: 2 } });
            return { type: "group", children: [line(x1, y, x2, y), line(x1, y - 5, x1, y + 5), line(x2, y - 5, x2, y + 5)] };
          },
        },
        {
          id: "differences", type: "scatter", symbolSize: 11, z: 4, data: pairs.map(mark),
          markLine: { symbol: "none", silent: true, animation: false, label: { show: false }, lineStyle: { color: look.ink, type: "solid", width: 1 }, data: [{ xAxis: 0 }] },
        },
      ],
    };
  },
  tip: (_, point) => {
    const { pair } = point.data;
    const interval = pair.low === null ? "" : `, ${signed(pair.low)} … ${signed(pair.high)} (95 %)`;
    return `${pair.name}  ${signed(pair.mean)} points${interval}\nn = ${pair.n}\n${pair.words}${pair.selecting ? "\nby trainings from which a search chose" : ""}`;
  },
  empty: "No pair was trained with the same seed.",
};

export { curves as besideCurves, differences };
