// Buttons that are a sign, with their words for those who do not see it.

import { h } from "../dom.js";
import { icon } from "../icons.js";

/** `act(event)` at a press; `more` are further attributes, a class among them. */
export function iconButton(sign, label, act, { class: kind = "", ...more } = {}) {
  return h("button", { type: "button", class: `icon-button ${kind}`.trim(), "aria-label": label, title: label, ...more, on: { click: act } }, icon(sign));
}
