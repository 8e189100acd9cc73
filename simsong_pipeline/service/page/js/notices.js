// What is said to everybody: a notice that goes by itself, and words for screen readers alone.

import { fill, h } from "./dom.js";

const STAYS_MS = 6000;

/** Show a notice; `offer`, `{words, act}`, is a button beside it. */
export function notice(text, offer = null) {
  const box = document.getElementById("notices");
  const told = h("div", { class: "notice" }, h("span", {}, text));
  if (offer) told.append(h("button", { type: "button", on: { click: () => { told.remove(); offer.act(); } } }, offer.words));
  while (box.children.length > 2) box.firstChild.remove();
  box.append(told);
  const going = () => (told.matches(":hover, :focus-within") ? setTimeout(going, STAYS_MS) : told.remove());
  setTimeout(going, STAYS_MS);
}

/** Say what went wrong. */
export const tell = (error) => notice(error.message);

let waiting = 0;

/** Say something once things have settled, so that a slider does not chatter. */
export function announce(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => fill(document.getElementById("announcer"), text), 400);
}
