// Songs that lead from one song to another.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { cover } from "../parts/cover.js";
import { Finder } from "../parts/finder.js";
import { slider } from "../parts/filter_fields.js";
import { QuestionPanel } from "../parts/question_panel.js";
import { iconButton } from "../parts/buttons.js";
import { empty } from "../parts/states.js";
import { count } from "../format.js";
import { go } from "../router.js";

const BETWEEN = 8;

export async function path(_rest, query) {
  const [start, end] = await Promise.all(["start", "end"].map((name) => (query.get(name) ? get(["songs", query.get(name)]) : null)));
  const to = (name, id) => { const next = new URLSearchParams(query); next.set(name, id); go(["path"], next); };
  const swap = () => go(["path"], new URLSearchParams([...query].map(([name, value]) => [name === "start" ? "end" : name === "end" ? "start" : name, value])));
  const head = h("section", { class: "block" }, h("h1", {}, "Song path"), h("p", { class: "soft" }, "A playlist that goes from one song to another in small steps."),
    h("div", { class: "picks" }, pick("From", start, (id) => to("start", id)),
      iconButton("swap", "Swap both songs", swap, { disabled: !(start && end) }),
      pick("To", end, (id) => to("end", id))));
  if (!start || !end) return { title: "Path", elements: [head, empty("path", "Choose two songs", h("p", { class: "soft" }, "The further apart they are, the more there is to hear on the way."))] };
  let between = Number(query.get("between")) || BETWEEN;
  const panel = new QuestionPanel({
    kind: "path", label: "The way", query, isOpenEnded: false, isPlain: true, filters: [], keep: { start: start.id, end: end.id, between }, name: () => `From ${start.title} to ${end.title}`,
    base: () => ({ start: start.id, end: end.id, k: between }),
    hasWhy: (song) => song.id !== start.id,
    whyOf: (song, songs) => songs[Math.max(0, songs.findIndex((one) => one.id === song.id) - 1)],
  });
  panel.steer.classList.add("two");
  panel.steer.prepend(slider("Songs between", { min: 1, max: 30, step: 1, value: between, words: (n) => count(n, "song") }, (n) => { between = n; panel.keep.between = n; panel.changed(); }));
  return { title: `${start.title} to ${end.title}`, elements: [head, panel.element], stop: () => panel.stop() };
}

function pick(label, song, choose) {
  const finder = new Finder({ label: `${label}: a song`, placeholder: "Search a song", kinds: ["songs"], choose: ({ id }) => choose(id) });
  const box = h("div", { class: "field" }, h("span", { class: "label" }, label));
  const search = () => { fill(box, h("span", { class: "label" }, label), finder.element); };
  if (!song) search();
  else box.append(h("button", { type: "button", class: "picked", "aria-label": `${label}: ${song.title} by ${song.artist}. Choose another`, on: { click: () => { search(); finder.input.focus(); } } },
    cover("songs", song.id, 52), h("span", { class: "names" }, h("span", { class: "cut" }, song.title), h("span", { class: "cut soft small" }, song.artist))));
  return box;
}
