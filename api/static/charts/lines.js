// Lines over epochs or steps: what trains now, the curve of a trial, those of an equation, angles by layer.
import { axis, base, percentAxis } from "./look.js";
import { whole } from "./reading.js";

const line = (name, data, colour, more = {}) => ({
  id: name, name, type: "line", data, showSymbol: data.length < 40, symbol: "circle", symbolSize: 4, connectNulls: true,
  lineStyle: { color: colour, width: 2 }, itemStyle: { color: colour }, emphasis: { focus: "series" }, ...more,
});

const DASHES = ["solid", "dashed", "dotted"];
const styled = (look, place) => ({ colour: look.lines[place % look.lines.length], dash: DASHES[Math.floor(place / look.lines.length) % DASHES.length] });

const accuracies = (pairs) => pairs.filter(([, accuracy]) => accuracy !== null).map(([x, accuracy]) => [x, accuracy / 100]);

const ofPercents = (look, values, more) => percentAxis(look, Math.min(...values), Math.max(...values), more);

const lossAxis = (look, view, more = {}) => axis(look, {
  type: view.log ? "log" : "value", scale: true, splitNumber: 4, name: "training loss", nameLocation: "end", nameGap: 12, nameTextStyle: { color: look.soft, align: "left", padding: [0, 0, 0, -40] }, ...more,
});

const epochs = (look, max, more = {}) => axis(look, { type: "value", min: 0, max, name: "epochs", nameGap: 26, ...more });

const tipOf = (point) => `${point.seriesName}\n${Number(point.value[1].toPrecision(4))}  at ${Number(point.value[0].toPrecision(4))}`;

// The points that were seen stay, so that a curve grows although the service keeps but the newest number.
const running = {
  toggles: [["loss", "loss instead of accuracy"]],
  height: () => 260,
  load: async (reader, source, before) => {
    const page = await reader.read(source);
    const seen = before?.seen ?? new Map();
    for (const each of page.lines) {
      const points = seen.get(each.trial) ?? new Map();
      for (const point of each.points) points.set(point[0], point);
      seen.set(each.trial, points);
    }
    const here = new Set(page.lines.map((each) => each.trial));
    for (const trial of seen.keys()) if (!here.has(trial)) seen.delete(trial);
    return { data: { seen, lines: page.lines }, changed: true };
  },
  option: (data, look, view) => {
    const found = data.lines.map((each) => {
      const points = [...data.seen.get(each.trial).values()].sort((a, b) => a[0] - b[0]);
      return [each, view.loss ? points.filter((point) => point[1] !== null).map((point) => [point[0], point[1]]) : accuracies(points.map((point) => [point[0], point[2]]))];
    }).filter(([, points]) => points.length);
    if (!found.length) return null;
    const values = found.flatMap(([, points]) => points.map((point) => point[1]));
    return {
      ...base(look, `Curves of ${found.length} trials that train now.`),
      grid: { left: 46, right: 60, top: 30, bottom: 44 },
      legend: { show: false },
      xAxis: epochs(look, Math.max(...found.map(([each]) => each.epochs))),
      yAxis: view.loss ? lossAxis(look, {}) : ofPercents(look, values),
      series: found.map(([each, points], place) => {
        const { colour, dash } = styled(look, place);
        return line(`#${each.individual}`, points, colour, { lineStyle: { color: colour, width: 2, type: dash }, endLabel: { show: true, formatter: "{a}", color: colour, fontSize: 11 }, labelLayout: { moveOverlap: "shiftY" } });
      }),
    };
  },
  tip: (_, point) => tipOf(point),
  press: async (data, point) => `/trials/${data.lines.find((each) => `#${each.individual}` === point.seriesName)?.trial}`,
  empty: "No curve has begun.",
};

const curve = {
  toggles: [["log", "log loss"]],
  height: () => 430,
  load: whole,
  option: (data, look, view) => {
    const accuracy = accuracies(data.epoch.map((epoch, place) => [epoch, data.accuracy[place]]));
    const loss = data.epoch.map((epoch, place) => [epoch, data.loss[place]]).filter((point) => point[1] !== null && (!view.log || point[1] > 0));
    if (!loss.length && !accuracy.length) return null;
    const values = accuracy.map((point) => point[1]);
    // So that what stays at chance does not fill the height with nothing.
    if (data.chance !== null) values.push(data.chance / 100, 2 * data.chance / 100);
    const chance = data.chance === null ? [] : [{ yAxis: data.chance / 100, label: { formatter: "chance", position: "insideEndTop", color: look.soft }, lineStyle: { color: look.soft, type: "dotted" } }];
    return {
      ...base(look, `Training loss and validation accuracy over ${data.epochs} epochs.`),
      grid: [{ left: 50, right: 14, top: 30, height: 150 }, { left: 50, right: 14, top: 222, height: 160 }],
      legend: { show: false },
      xAxis: [epochs(look, data.epochs, { name: "", axisLabel: { show: false } }), epochs(look, data.epochs, { gridIndex: 1 })],
      yAxis: [lossAxis(look, view), ofPercents(look, values.length ? values : [0, 1], { gridIndex: 1 })],
      series: [
        line("training loss", loss, look.blue),
        line("validation accuracy", accuracy, look.accent, { xAxisIndex: 1, yAxisIndex: 1, markLine: { symbol: "none", silent: true, animation: false, data: chance } }),
      ],
    };
  },
  tip: (_, point) => tipOf(point),
  empty: "Nothing was reported.",
};

const angles = (which) => ({
  toggles: [],
  height: () => 300,
  load: whole,
  option: (data, look) => {
    const lines = data[which];
    if (!lines.length) return null;
    // Angles have an axis of their own: what lies at 0° lies at the bottom, whatever rounding left of it.
    const highest = Math.max(...lines.flatMap((each) => each.points.map((point) => point[1])));
    return {
      ...base(look, `Angles in degrees over steps, by layer: ${lines.map((each) => `${each.layer} ends at ${each.points.at(-1)[1].toFixed(0)}`).join(", ")}.`),
      grid: { left: 46, right: 14, top: 30, bottom: 44 },
      legend: { show: false, data: lines.map((each) => each.layer) },
      xAxis: axis(look, { type: "value", min: 0, name: "steps", nameGap: 26, minInterval: 1 }),
      yAxis: axis(look, { type: "value", min: 0, max: highest > 91 ? 180 : 90, interval: highest > 91 ? 45 : 30, name: "degrees", nameLocation: "end", nameGap: 12 }),
      series: lines.map((each) => {
        const { colour, dash } = styled(look, each.place);
        return line(each.layer, each.points, colour, { lineStyle: { color: colour, width: 2, type: dash } });
      }),
    };
  },
  tip: (_, point) => `${point.seriesName}\n${point.value[1].toFixed(1)}°  at step ${point.value[0]}`,
  legend: (data, look) => data[which].map((each) => [each.layer, styled(look, each.place).colour, "line"]),
  empty: "No angle was measured.",
});

const curves = {
  toggles: [],
  height: () => 300,
  load: whole,
  option: (data, look) => {
    const found = data.curves.map((each) => [each, accuracies(each.epoch.map((epoch, place) => [epoch, each.accuracy[place]]))]).filter(([, points]) => points.length > 1);
    if (!found.length) return null;
    return {
      ...base(look, `Validation accuracy over epochs of ${found.length} trials.`),
      grid: { left: 46, right: 14, top: 30, bottom: 44 },
      legend: { show: false },
      xAxis: epochs(look, undefined),
      yAxis: ofPercents(look, found.flatMap(([, points]) => points.map((point) => point[1]))),
      series: found.map(([each, points], place) => {
        const { colour, dash } = styled(look, place);
        return { ...line(each.ordinal === null ? "a seed" : `seed ${each.ordinal}`, points, colour, { lineStyle: { color: colour, width: 1.5, type: dash, opacity: 0.8 } }), id: each.trial };
      }),
    };
  },
  tip: (data, point) => `${tipOf(point)}\n${data.curves.find((each) => each.trial === point.seriesId)?.seed ?? ""}`,
  press: async (_, point) => `/trials/${point.seriesId}`,
  empty: "No trial has a curve.",
};

export { curve, curves, running };
export const update = angles("update");
export const feedback = angles("feedback");
