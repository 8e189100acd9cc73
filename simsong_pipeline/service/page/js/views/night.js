// What a night does, and what came of it.

import { fill, h } from "../dom.js";
import { count } from "../format.js";
import { changes } from "../library.js";
import { night } from "../night_watch.js";
import { empty } from "../parts/states.js";

const WORDS = { running: "At work", done: "Done", failed: "Failed", stopped: "Stopped" };
const LOOKS = { running: "warn", done: "good", failed: "bad", stopped: "warn" };

export async function nightView() {
  const place = h("section", { class: "block", "aria-label": "Night", "aria-live": "polite" });
  const show = () => fill(place, night.state === "none" ? nothing() : told());
  const controller = new AbortController();
  changes.addEventListener("night", show, { signal: controller.signal });
  show();
  return { title: "Night", elements: [h("h1", {}, "Nightly work"), place], stop: () => controller.abort() };
}

const nothing = () => empty("moon", "No night has run yet", h("p", { class: "soft" }, "A night takes in what is new, changed or gone: ", h("code", {}, "simsong refresh")));

function told() {
  return h("div", { class: "said" },
    h("div", { class: "row" }, h("span", { class: `badge ${LOOKS[night.state]}` }, WORDS[night.state] ?? night.state), h("h2", {}, night.command || "Night"), h("span", { class: "soft small" }, when())),
    night.state === "running" && h("label", { class: "field wide" }, progressWords(), h("progress", { max: night.total || 1, value: night.total ? night.done : null })),
    night.outcome && h("p", {}, night.outcome),
    night.notes.length > 0 && h("ul", { class: "small soft" }, night.notes.map((note) => h("li", {}, note))));
}

function progressWords() {
  return [night.stage || "Working", night.total ? `${night.done} of ${count(night.total, "piece")}` : ""].filter(Boolean).join(": ");
}

function when() {
  const shown = (text) => new Date(text).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return [night.since && `since ${shown(night.since)}`, night.ended && `ended ${shown(night.ended)}`].filter(Boolean).join(", ");
}
