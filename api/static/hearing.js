// What an element has to do with the news: ``data-on`` names kinds of events or their beginnings, ``data-beat`` the seconds
// after which it may have changed without an event.
const isOf = (kind, word) => kind === word || kind.startsWith(`${word}.`);

// Without kinds the news are of anything: nobody knows what was missed.
export const hears = (element, kinds) => {
  const words = element.dataset.on?.split(" ") ?? [];
  return !kinds || !words.length || [...kinds].some((kind) => words.some((word) => isOf(kind, word)));
};

export const isDue = (element, before, now) => Number(element.dataset.beat) > 0 && Math.floor(now / Number(element.dataset.beat)) > Math.floor(before / Number(element.dataset.beat));
