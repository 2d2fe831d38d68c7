// Mean difference to backprop of the equations with a component, with its interval: a bar and a whisker each.
import { axis, base, percent, signed, widthOf } from "./look.js";
import { whole } from "./reading.js";

const KINDS = ["operand", "unary", "binary"];
const MONO = "ui-monospace, \"DejaVu Sans Mono\", monospace";
const RARE = 5;
// Intervals of fewer equations reach far beyond what an accuracy can differ by: they are left to the table.
const FEW = 3;
const ROW = 21;

const colours = (look) => ({ operand: look.blue, unary: look.violet, binary: look.accent });

// Drawn from the bottom up: the last kind first, in each the least mean first.
const rows = (data, view) => {
  const every = data.kind.map((kind, place) => ({
    kind, name: data.name[place], n: data.n[place], mean: data.mean[place], low: data.low[place], high: data.high[place],
  }));
  const often = every.filter((each) => each.n >= RARE);
  return (view.rare || often.length < 6 ? every : often).reverse();
};

export const toggles = [["rare", `with those seen less than ${RARE} times`]];

// What is left over is added up request by request, while the page is looked at.
export const load = async (reader, source, before) => {
  const found = await whole(reader, source, before);
  return { ...found, again: found.data.waiting > 0 };
};

export const height = (data, view) => 64 + ROW * rows(data, view).length;

export const option = (data, look, view) => {
  const shown = rows(data, view);
  if (!shown.length) return null;
  const whiskers = shown.map((each, place) => [place, each.low === null || each.n < FEW ? null : each.low / 100, each.high === null ? null : each.high / 100]).filter((each) => each[1] !== null);
  return {
    ...base(look, summary(data)),
    grid: { left: 12 + widthOf(shown.map((each) => each.name), `12px ${MONO}`, 150), right: 56, top: 6, bottom: 44 },
    legend: { show: false, data: KINDS },
    xAxis: axis(look, { type: "value", name: "difference to plain backprop, points", nameGap: 26 }),
    yAxis: [
      axis(look, {
        type: "category", data: shown.map((each) => each.name), splitLine: { show: false },
        axisLabel: { color: look.ink, fontSize: 12, fontFamily: MONO, interval: 0, width: 150, overflow: "truncate" },
      }),
      // Beside the bars, where no whisker runs through it.
      axis(look, {
        type: "category", data: shown.map((each) => `n = ${each.n}`), splitLine: { show: false }, axisLine: { show: false },
        axisLabel: { color: look.soft, fontSize: 11, interval: 0 },
      }),
    ],
    series: [
      ...KINDS.map((kind) => ({
        id: kind, name: kind, type: "bar", barGap: "-100%", barWidth: 13,
        itemStyle: { color: colours(look)[kind], opacity: 0.75 },
        data: shown.map((each) => (each.kind === kind ? { value: each.mean / 100, row: each } : null)),
      })),
      {
        id: "interval", name: "interval", type: "custom", data: whiskers, silent: true, z: 10, tooltip: { show: false },
        dimensions: ["place", "low", "high"], encode: { x: [1, 2], y: 0 },
        renderItem: (_, api) => {
          const [from, y] = api.coord([api.value(1), api.value(0)]);
          const [to] = api.coord([api.value(2), api.value(0)]);
          const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: look.ink, lineWidth: 1.2 } });
          return { type: "group", children: [line(from, y, to, y), line(from, y - 3, from, y + 3), line(to, y - 3, to, y + 3)] };
        },
      },
    ],
  };
};

export const tip = (_, point) => {
  const row = point.data?.row;
  if (!row) return "";
  const interval = row.low === null ? "" : `, ${signed(row.low)} … ${signed(row.high)} (95 %)`;
  return `${row.name}  ${row.kind}\n${signed(row.mean)} points${interval}\n${row.n} equation${row.n === 1 ? "" : "s"}`;
};

export const legend = (data, look) => KINDS.filter((kind) => data.kind.includes(kind)).map((kind) => [kind, colours(look)[kind], "block"]);

export const summary = (data) => {
  const parts = KINDS.map((kind) => [kind, data.kind.indexOf(kind)]).filter(([, place]) => place >= 0)
    .map(([kind, place]) => `best ${kind} ${data.name[place]} with ${percent(data.mean[place])} points`);
  return `Mean difference to plain backprop by component over ${data.equations} equations: ${parts.join(", ")}.`;
};
