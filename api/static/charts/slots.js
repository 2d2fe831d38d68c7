// Who trained when: a row a worker, a bar an attempt.
import { axis, base, widthOf, zooms } from "./look.js";

const toneOf = (outcome, look) => ({
  completed: look.accent, pruned: look.soft, screened: look.soft, diverged: look.warn, failed: look.bad, lost: look.bad, oom: look.bad, timeout: look.violet, running: look.blue,
})[outcome] ?? look.warn;

export const toggles = [];

// An attempt is known by its trial and its beginning; one that has ended is never asked for again.
export const load = async (reader, source, before) => {
  const data = before ?? { attempts: new Map(), since: 0 };
  const page = await reader.read(data.since ? `${source}?since=${data.since}` : source);
  let changed = !before;
  page.worker.forEach((place, number) => {
    const found = {
      worker: page.workers[place], trial: page.trial[number], individual: page.individual[number],
      began: page.began[number], ended: page.ended[number], outcome: page.outcome[number] ?? "running",
    };
    const key = `${found.trial} ${found.began}`;
    const known = data.attempts.get(key);
    if (!known || known.outcome !== found.outcome) changed = true;
    data.attempts.set(key, found);
    if (found.ended) data.since = Math.max(data.since, found.ended);
  });
  const runs = [...data.attempts.values()].some((each) => !each.ended);
  return { data, changed: changed || runs };
};

const workersOf = (data) => [...new Set([...data.attempts.values()].map((each) => each.worker))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })).reverse();

// Of hundreds of slots each has a thin row.
const rowOf = (workers) => Math.max(8, Math.min(26, 1200 / workers));

export const height = (data) => { const workers = Math.max(1, workersOf(data).length); return 92 + rowOf(workers) * workers; };

export const option = (data, look) => {
  const workers = workersOf(data);
  if (!workers.length) return null;
  const places = new Map(workers.map((worker, place) => [worker, place]));
  const now = Date.now();
  const thick = 0.62 * rowOf(workers.length);
  const bars = [...data.attempts.values()].map((each) => ({ value: [places.get(each.worker), each.began, each.ended ?? now], attempt: each }));
  return {
    ...base(look, summary(data)),
    animation: false,
    grid: { left: 14 + widthOf(workers, `12px ${look.sans}`, 120), right: 14, top: 8, bottom: 54 },
    legend: { show: false },
    xAxis: axis(look, { type: "time", min: Math.min(...bars.map((each) => each.value[1])), max: Math.max(...bars.map((each) => each.value[2])) }),
    yAxis: axis(look, { type: "category", data: workers, splitLine: { show: false }, axisLabel: { color: look.ink, fontSize: 12, width: 120, overflow: "truncate" } }),
    dataZoom: zooms(look, [0]),
    series: [{
      id: "attempts", type: "custom", data: bars, dimensions: ["worker", "began", "ended"], encode: { x: [1, 2], y: 0 }, clip: true,
      renderItem: (_, api) => {
        const [left, middle] = api.coord([api.value(1), api.value(0)]);
        const [right] = api.coord([api.value(2), api.value(0)]);
        return { type: "rect", shape: { x: left, y: middle - thick / 2, width: Math.max(1, right - left - 0.5), height: thick }, style: { fill: api.visual("color"), opacity: 0.85 } };
      },
      itemStyle: { color: (point) => toneOf(point.data.attempt.outcome, look) },
    }],
  };
};

export const tip = (_, point) => {
  const { worker, individual, began, ended, outcome } = point.data.attempt;
  const seconds = ((ended ?? Date.now()) - began) / 1000;
  return `#${individual}  ${outcome}\n${worker}, ${seconds < 100 ? seconds.toFixed(1) : Math.round(seconds)} s\nfrom ${new Date(began).toLocaleTimeString()}`;
};

export const press = async (_, point) => `/trials/${point.data.attempt.trial}`;

export const legend = (data, look) => [...new Set([...data.attempts.values()].map((each) => each.outcome))].sort().map((outcome) => [outcome, toneOf(outcome, look), "block"]);

export const summary = (data) => `${data.attempts.size} attempts at trials by ${workersOf(data).length} workers, over time.`;
