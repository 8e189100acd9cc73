// What stands where there is nothing to show: yet, at all, or because something went wrong.

import { Problem } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";

/** Grey places for songs that are on their way. */
export function loading(rows = 6) {
  const ghosts = Array.from({ length: rows }, () => h("div", { class: "ghost", style: { height: "64px", margin: "0 0 4px" } }));
  return h("div", { "aria-busy": "true" }, h("span", { class: "unseen" }, "Loading"), ghosts);
}

/** Nothing is there, and what to do about it. */
export function empty(sign, title, ...more) {
  return h("div", { class: "said empty" }, icon(sign), h("h2", {}, title), more);
}

/** What went wrong, in the service's own words; `again` tries once more. */
export function problem(error, again = null) {
  if (!(error instanceof Problem)) console.error(error);
  const title = error instanceof Problem ? titleOf(error) : "Something on this page is broken";
  const faults = (error.faults ?? []).map((fault) => h("li", {}, `${fault.field}: ${fault.message}`));
  const candidates = (error.candidates ?? []).map((candidate) => h("li", {}, candidate));
  return h("div", { class: "said bad", role: "alert" },
    h("h2", {}, title),
    h("p", {}, error.message),
    faults.length > 0 && h("ul", {}, faults),
    candidates.length > 0 && h("ul", {}, candidates),
    again && h("button", { type: "button", class: "button", on: { click: again } }, "Try again"));
}

function titleOf(error) {
  if (error.status === 0) return "No connection";
  if (error.status === 404) return "Not there";
  if (error.status === 403) return "Not allowed";
  if (error.status === 409) return "Not possible now";
  if (error.status === 503) return "Busy";
  return error.status >= 500 ? "A mistake in the service" : "This cannot be asked";
}
