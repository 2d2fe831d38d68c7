// Brings an element to the state of a fresh one by changing only what differs: whatever is the same stays the same node, and
// with it the focus, what is selected, scrolled to, typed or unfolded. Rows are told apart by what they lead to.
const NAMED_BY_TARGET = "TR, LI, FORM, DETAILS";
const TARGET = "a[href], input[type=checkbox][value]";

const keyOf = (node) => {
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  if (node.id) return `#${node.id}`;
  if (!node.matches(NAMED_BY_TARGET)) return null;
  const form = node.matches("form") ? node : node.querySelector("form[action]");
  if (form) return `${node.tagName} ${form.getAttribute("action")}`;
  const target = node.querySelector(TARGET);
  return target && `${node.tagName} ${target.getAttribute("href") ?? target.value}`;
};

// What a person has unfolded or typed is not the server's to say.
const isOwn = (element, name) => (name === "open" && element.tagName === "DETAILS") || (name === "value" && element === document.activeElement);

const mendAttributes = (element, fresh) => {
  for (const { name, value } of fresh.attributes) {
    if (element.getAttribute(name) !== value && !isOwn(element, name)) element.setAttribute(name, value);
  }
  for (const { name } of [...element.attributes]) {
    if (!fresh.hasAttribute(name) && !isOwn(element, name)) element.removeAttribute(name);
  }
};

const isOfOneKind = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

const mendChildren = (element, fresh) => {
  const wanted = new Set([...fresh.childNodes].map(keyOf));
  const named = new Map();
  for (const child of [...element.childNodes]) {
    const key = keyOf(child);
    if (key !== null && !wanted.has(key)) child.remove();
    else if (key !== null && !named.has(key)) named.set(key, child);
  }
  let place = element.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    const same = key !== null ? named.get(key) : place && keyOf(place) === null && isOfOneKind(place, child) ? place : undefined;
    named.delete(key);
    if (!same) element.insertBefore(document.adoptNode(child), place);
    else if (same === place) place = place.nextSibling;
    else element.insertBefore(same, place);
    if (same) mendNode(same, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
};

const mendNode = (node, fresh) => {
  if (!isOfOneKind(node, fresh)) node.replaceWith(document.adoptNode(fresh));
  else if (node.nodeType !== Node.ELEMENT_NODE) { if (node.nodeValue !== fresh.nodeValue) node.nodeValue = fresh.nodeValue; }
  else { mendAttributes(node, fresh); mendChildren(node, fresh); }
};

export const mend = (element, html) => {
  const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  const focused = document.activeElement;
  if (!fresh || element.isEqualNode(fresh)) return;
  mendNode(element, fresh);
  // A row that changed its place has lost the focus on the way.
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
};
