// Reads numbers from the service. A browser that has them already asks whether they are still right, and gets no body.

import { tookOf } from "../pacing.js";

// ``tookMs`` is what the server was at it, of all that one reader has read.
export class Reader {
  tookMs = 0;

  async read(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    this.tookMs += tookOf(answer);
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    return answer.json();
  }
}

// How a chart loads whose numbers come whole.
export const whole = async (reader, source, before) => {
  const data = await reader.read(source);
  return { data, changed: JSON.stringify(data) !== JSON.stringify(before) };
};

// What never changes is read once; a failed reading is tried again.
const known = new Map();
export const readOnce = (address) => {
  if (!known.has(address)) known.set(address, new Reader().read(address).catch((error) => { known.delete(address); throw error; }));
  return known.get(address);
};
