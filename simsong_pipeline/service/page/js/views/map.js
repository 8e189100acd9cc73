// A map of the whole library: what is near sounds and reads alike.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { count } from "../format.js";
import { keep, kept } from "../kept.js";
import { announce } from "../notices.js";
import { css, grouped, WAYS } from "../map/colours.js";
import { Board } from "../map/board.js";
import { labelsOf } from "../map/labels.js";
import { iconButton } from "../parts/buttons.js";
import { empty } from "../parts/states.js";
import { go, link } from "../router.js";

const AROUND = 12;

export async function map() {
  const found = await get(["map"]);
  if (!found.count) return { title: "Map", elements: [h("h1", {}, "Map"), empty("map", "No song has a place yet")] };
  const legend = h("div", { class: "legend-list", role: "group", "aria-label": "What the colours mean" });
  const around = h("ul", { class: "map-around" });
  const board = new Board(found, { open: (i) => go(["song", found.ids[i]]), moved: () => showAround(around, board, found) });
  const colour = (way) => {
    keep("map", way);
    const groups = grouped(found, way);
    board.colour(groups);
    board.label(labelsOf(groups, found));
    showLegend(legend, board, groups);
  };
  const ways = wayChoice(found, colour);
  board.element.append(tools(board));
  return { title: "Map", stop: () => board.close(), elements: [
    h("section", { class: "heading" }, h("div", {}, h("h1", {}, "Map"), h("p", { class: "soft" }, `${count(found.count, "song")}; what lies together is alike. Point at one for its name, press it to open it.`)), ways),
    h("section", { class: "block", "aria-label": "Map" }, board.element, legend, h("p", { class: "soft small", id: "map-keys" }, "Keys: arrows move, + and − zoom, 0 shows all, Enter opens the song in the middle.")),
    h("section", { class: "block", "aria-label": "In the middle of the map" }, h("h2", {}, "In the middle"), around),
  ] };
}

function wayChoice(found, colour) {
  const ways = Object.keys(WAYS).filter((way) => grouped(found, way).groups.length > 0);
  const chosen = ways.includes(kept("map")) ? kept("map") : ways[0];
  const buttons = ways.map((way) => h("button", { type: "button", class: "chip", "aria-pressed": String(way === chosen), on: { click: (event) => { mark(event.currentTarget); colour(way); } } }, WAYS[way]));
  const mark = (button) => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  if (chosen) colour(chosen);
  return h("div", { class: "chips", role: "group", "aria-label": "Colour by" }, buttons);
}

function showLegend(legend, board, { groups }) {
  const chips = groups.map(({ name, colour, count: number }, at) => {
    const chip = h("button", { type: "button", class: "chip", "aria-pressed": "false", title: "Show these alone" }, h("span", { class: "dot", style: { background: css(colour) } }), name, h("span", { class: "number soft" }, String(number)));
    chip.addEventListener("click", () => {
      if (board.shown.has(at)) board.shown.delete(at); else board.shown.add(at);
      chips.forEach((one, i) => {
        one.setAttribute("aria-pressed", String(board.shown.has(i)));
        one.classList.toggle("faint", board.shown.size > 0 && !board.shown.has(i));
      });
      board.paint();
    });
    return chip;
  });
  fill(legend, chips);
}

function tools(board) {
  const middle = () => [board.camera.width / 2, board.camera.height / 2];
  const button = (sign, label, act) => iconButton(sign, label, () => { act(); board.changed(); });
  return h("div", { class: "map-tools" },
    button("plus", "Nearer", () => board.camera.zoomAt(...middle(), 1.5)), button("minus", "Farther", () => board.camera.zoomAt(...middle(), 1 / 1.5)), button("target", "All songs", () => board.camera.reset()));
}

function showAround(list, board, found) {
  const near = board.around(AROUND);
  fill(list, near.map((i) => h("li", {}, h("a", { href: link(["song", found.ids[i]]) }, h("span", { class: "cut" }, found.titles[i]), " ", h("span", { class: "soft small" }, found.artists[found.artist[i]] ?? "")))));
  if (document.activeElement === board.canvas && near.length) announce(`In the middle: ${found.titles[near[0]]}`);
}
