// How charts look: the colours of the style sheet in the present theme, and what all charts have in common.

const NAMES = ["ink", "soft", "line", "card", "accent", "blue", "violet", "warn", "bad"];

export const isReduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// light-dark() is resolved only where a property uses it: asked of an element, not of the root's tokens.
export const look = () => {
  const probe = document.body.appendChild(document.createElement("span"));
  probe.hidden = true;
  const found = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  found.sans = getComputedStyle(document.body).fontFamily;
  found.lines = [found.accent, found.blue, found.violet, found.warn, found.bad, found.soft];
  probe.remove();
  return found;
};

export const faded = (colour, opacity) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);

export const base = (look, description) => ({
  animation: !isReduced(),
  animationDuration: 200,
  animationDurationUpdate: 200,
  textStyle: { fontFamily: look.sans, color: look.soft, fontSize: 12 },
  aria: { enabled: true, label: { description } },
  // Rich text is drawn on the canvas: a tooltip of HTML would need inline styles, which the service forbids.
  tooltip: {
    renderMode: "richText",
    trigger: "item",
    confine: true,
    backgroundColor: look.card,
    borderColor: look.line,
    padding: 10,
    textStyle: { color: look.ink, fontFamily: look.sans, fontSize: 13, lineHeight: 19 },
  },
});

export const axis = (look, more) => ({
  nameLocation: "middle",
  nameTextStyle: { color: look.soft, fontSize: 12 },
  axisLine: { lineStyle: { color: look.line } },
  axisTick: { show: false },
  axisLabel: { color: look.soft, fontSize: 12, hideOverlap: true },
  splitLine: { show: true, lineStyle: { color: look.line } },
  ...more,
});

// The wheel scrolls the page unless Ctrl is held; dragging moves what was zoomed.
export const zooms = (look, axes, more = {}) => [
  { type: "inside", xAxisIndex: axes, zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, preventDefaultMouseMove: false, filterMode: "none" },
  {
    type: "slider", xAxisIndex: axes, height: 16, bottom: 6, filterMode: "none", brushSelect: false, showDetail: false, showDataShadow: false,
    borderColor: look.line, fillerColor: faded(look.accent, 0.15), backgroundColor: "transparent",
    handleSize: 18, handleStyle: { color: look.card, borderColor: look.soft }, moveHandleSize: 0, ...more,
  },
];

export const percent = (hundredths, digits = 1) => (hundredths / 100).toFixed(digits);

export const signed = (hundredths, digits = 1) => {
  const text = percent(Math.abs(hundredths), digits);
  return `${hundredths < 0 ? "−" : "+"}${text}`;
};

// Ends that enclose [low, high] without much air, and the distance of the numbers between: those alone are written.
export const around = (low, high) => {
  const span = Math.max(high - low, 1);
  const interval = [0.25, 0.5, 1, 2, 5, 10].find((each) => span / each <= 7) ?? 20;
  const ends = interval / 2;
  const [min, max] = [Math.max(0, Math.floor((low - 0.01 * span) / ends) * ends), Math.min(100, Math.ceil((high + 0.01 * span) / ends) * ends)];
  const isWhole = (value) => Math.abs(value / interval - Math.round(value / interval)) < 1e-9;
  return { min, max, interval, formatter: (value) => (isWhole(value) ? Number(value.toFixed(2)) : "") };
};

export const percentAxis = (look, low, high, more = {}) => {
  const { min, max, interval, formatter } = around(low, high);
  // Numbers begin at the lower end: it is moved down to a written one.
  return axis(look, {
    type: "value", min: Math.floor(min / interval) * interval, max, interval, name: "validation accuracy, %", nameLocation: "end", nameGap: 12,
    nameTextStyle: { color: look.soft, align: "left", padding: [0, 0, 0, -40] }, axisLabel: { color: look.soft, fontSize: 12, formatter }, ...more,
  });
};

const measure = document.createElement("canvas").getContext("2d");

// How wide the longest of the texts is, in pixels, so that an axis leaves room for it.
export const widthOf = (texts, font, most) => {
  measure.font = font;
  return Math.min(most, Math.ceil(Math.max(...texts.map((each) => measure.measureText(each).width))));
};

// A field of points over a strip of marks for what has no place in it, zoomed together.
export const overRug = (look, { x, y, hasRug }) => {
  const bare = { axisLabel: { show: false }, splitLine: { show: false } };
  return {
    grid: [{ left: 46, right: 14, top: 30, bottom: hasRug ? 92 : 74 }, { left: 46, right: 14, bottom: 72, height: hasRug ? 14 : 0 }],
    xAxis: [axis(look, { ...x, name: undefined, ...bare }), axis(look, { ...x, gridIndex: 1, nameGap: 24, splitLine: { show: false } })],
    yAxis: [y, axis(look, { type: "value", gridIndex: 1, min: -1, max: 1, ...bare, axisLine: { show: false } })],
    dataZoom: zooms(look, [0, 1]),
  };
};
