// How often a page may ask. It asks for at most a five hundredth of a server: it rests five hundred times as long as the server was at its
// last answers, which is long where many ask or much is to be read, and never so long that it looks dead. The way to the server
// does not count: who is far away is told as often as who is near.
const RESTS = 500;
const MOST_REST_MS = 20000;
export const restAfter = (tookMs, leastMs) => Math.max(leastMs, Math.min(MOST_REST_MS, RESTS * tookMs));

// Milliseconds that the server was at an answer, by its header ``Server-Timing``.
export const tookOf = (answer) => Number(/\bdur=([\d.]+)/.exec(answer.headers.get("Server-Timing"))?.[1] ?? 0);
