import { faded } from "./look.js";

// Points of one kind as x, y, x, y …: it grows by what is new, and is handed to the chart without a copy for each point.
export class Points {
  #numbers = new Float64Array(2048);
  size = 0;

  add(x, y) {
    if (2 * this.size + 2 > this.#numbers.length) {
      const larger = new Float64Array(2 * this.#numbers.length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[2 * this.size] = x;
    this.#numbers[2 * this.size + 1] = y;
    this.size += 1;
  }

  get flat() { return this.#numbers.subarray(0, 2 * this.size); }
}

// Where many points lie on each other, fainter ones show how many.
export const crowding = (points) => Math.min(1, 2000 / points.size);

// Colour and shape of a style in a legend, as light as its points.
export const swatchOf = ({ color, opacity, symbol }, isTick) => [faded(color, Math.max(opacity, 0.55)), isTick ? "tick" : SHAPES[symbol] ?? "dot"];
const SHAPES = { diamond: "diamond", triangle: "triangle", rect: "block", emptyCircle: "ring" };

// All points of one kind as a series.
export const cloud = (points, style) => {
  const crowded = crowding(points);
  return {
    type: "scatter", data: points.flat, large: true, largeThreshold: 4000, symbol: style.symbol ?? "circle",
    symbolSize: crowded < 1 && style.size < 6 ? Math.max(2, style.size - (crowded < 0.1 ? 3 : 1)) : style.size, itemStyle: { color: style.color, opacity: style.opacity * crowded ** 0.45 },
  };
};
