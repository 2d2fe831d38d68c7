// Seeds of an equation beside plain backprop's with the same seed, joined: one setting at a time.
import { axis, base, percent, percentAxis, signed } from "./look.js";
import { whole } from "./reading.js";

export const toggles = [];

export { whole as load };

// Which setting is drawn: a choice where there are several.
export const choices = (data) => (data.settings.length > 1 ? data.settings.map((each, place) => [place, `${each.setting} (${each.seed.length})`]) : []);

export const height = () => 320;

const points = (setting, which, chosen) => setting.seed
  .map((seed, place) => ({ value: [place, setting[which][place] === null ? null : setting[which][place] / 100], place }))
  .filter((each) => each.value[1] !== null && setting.chosen[each.place] === chosen);

export const option = (data, look, view) => {
  const setting = data.settings[view.choice ?? 0];
  if (!setting) return null;
  const values = [...setting.accuracy, ...setting.backprop].filter((each) => each !== null).map((each) => each / 100);
  if (!values.length) return null;
  const joined = setting.seed.map((_, place) => [place, setting.backprop[place] / 100, setting.accuracy[place] / 100])
    .filter(([place]) => setting.backprop[place] !== null && setting.accuracy[place] !== null);
  const scatter = (id, name, found, colour, more) => ({ id, name, type: "scatter", data: found, symbolSize: 10, itemStyle: { color: colour }, z: 5, ...more });
  return {
    ...base(look, summary(data, view)),
    grid: { left: 46, right: 14, top: 30, bottom: 46 },
    legend: { show: false, data: ["compared", "chosen by a search", "plain backprop"] },
    xAxis: axis(look, { type: "category", data: setting.seed.map((_, place) => String(place + 1)), name: "seed", nameGap: 26, splitLine: { show: false }, axisLabel: { color: look.soft, fontSize: 11, hideOverlap: true } }),
    yAxis: percentAxis(look, Math.min(...values), Math.max(...values)),
    series: [
      {
        id: "pairs", type: "custom", data: joined, silent: true, z: 2, dimensions: ["seed", "backprop", "equation"], encode: { x: 0, y: [1, 2] }, tooltip: { show: false },
        renderItem: (_, api) => {
          const [x, y1] = api.coord([api.value(0), api.value(1)]);
          const [, y2] = api.coord([api.value(0), api.value(2)]);
          return { type: "line", shape: { x1: x, y1, x2: x, y2 }, style: { stroke: y2 <= y1 ? look.accent : look.bad, lineWidth: 2, opacity: 0.6 } };
        },
      },
      scatter("compared", "compared", points(setting, "accuracy", false), look.accent),
      scatter("chosen", "chosen by a search", points(setting, "accuracy", true), look.warn, { symbol: "diamond" }),
      scatter("backprop", "plain backprop", [...points(setting, "backprop", false), ...points(setting, "backprop", true)], look.card, { itemStyle: { color: look.card, borderColor: look.blue, borderWidth: 2 } }),
    ],
  };
};

export const tip = (data, point, _, view) => {
  const setting = data.settings[view.choice ?? 0];
  const { place } = point.data;
  const [accuracy, backprop] = [setting.accuracy[place], setting.backprop[place]];
  const apart = accuracy === null || backprop === null ? "" : `\n${signed(accuracy - backprop, 2)} points to backprop`;
  return `${point.seriesName} ${point.value[1].toFixed(2)} %${apart}\nseed ${place + 1}: ${setting.seed[place]}`;
};

export const press = async (data, point, view) => `/trials/${data.settings[view.choice ?? 0].trial[point.data.place]}`;

export const legend = (data, look, view) => {
  const setting = data.settings[view.choice ?? 0];
  const keys = [];
  if (setting?.chosen.includes(false)) keys.push(["compared", look.accent, "dot"]);
  if (setting?.chosen.includes(true)) keys.push(["chosen by a search", look.warn, "diamond"]);
  if (setting?.backprop.some((each) => each !== null)) keys.push(["plain backprop", look.blue, "ring"]);
  return keys;
};

export const summary = (data, view) => {
  const setting = data.settings[view.choice ?? 0];
  const found = setting.difference;
  return `${setting.seed.length} seeds in ${setting.words}${found ? `; ${percent(found.mean)} points to plain backprop over ${found.n} pairs` : ""}.`;
};
