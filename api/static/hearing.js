// What an element has to do with the news: ``data-on`` names kinds of events or their beginnings, ``data-beat`` the seconds
// after which it may have changed without an event.
const isOf = (kind, word) => kind === word || kind.startsWith(`${word}.`);

// Without kinds the news are of anything: nobody knows what was missed.
export const hears = (element, kinds) => {
  const words = element.dataset.on?.split(" ") ?? [];
  return !kinds || !words.length || [...kinds].some((kind) => words.some((word) => isOf(kind, word)));
};

export const isDue = (element, before, now) => Number(element.dataset.beat) > 0 && Math.floor(now / Number(element.dataset.beat)) > Math.floor(before / Number(element.dataset.beat));

// A page asks for at most half a hundredth of a server: it rests two hundred times as long as its last answer took, which is long where
// many ask or much is to be read, and never so long that it looks dead.
const RESTS = 200;
const MOST_REST_MS = 20000;
export const restAfter = (tookMs, leastMs) => Math.max(leastMs, Math.min(MOST_REST_MS, RESTS * tookMs));
