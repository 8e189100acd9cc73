// Songs like several songs, artists and albums, and unlike others.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { iconButton } from "../parts/buttons.js";
import { Finder } from "../parts/finder.js";
import { QuestionPanel } from "../parts/question_panel.js";
import { empty } from "../parts/states.js";
import { go, present } from "../router.js";

const NAMES = ["like", "dislike", "artist", "album"];
const KIND = { like: "songs", dislike: "songs", artist: "artists", album: "albums" };

export async function mix(_rest, query) {
  const seeds = await Promise.all(NAMES.flatMap((name) => query.getAll(name).map((id) => seedOf(name, id))));
  const chips = h("div", { class: "seeds", role: "list", "aria-label": "What is mixed" }, seeds.map((seed) => chip(seed)));
  const head = h("section", { class: "block" }, h("h1", {}, "Mix"), h("p", { class: "soft" }, "Songs near to all of these, and away from what you take off."), chips, adder());
  if (!seeds.some((seed) => seed.name !== "dislike")) return { title: "Mix", elements: [head, empty("note", "Add a song, an artist or an album")] };
  const panel = new QuestionPanel({
    kind: "similar", label: "Songs of this mix", query, base: () => asked(query), keep: owned(query), name: () => seeds.map((seed) => seed.title).slice(0, 3).join(", "),
    whyOf: seeds[0].name === "like" ? () => seeds[0].row : null,
    entries: (song) => [
      { sign: "plus", words: "More like this", act: () => changed((q) => q.append("like", song.id)) },
      { sign: "minus", words: "Less like this", act: () => changed((q) => q.append("dislike", song.id)) },
    ],
  });
  return { title: "Mix", elements: [head, panel.element], stop: () => panel.stop() };
}

async function seedOf(name, id) {
  const row = await get([KIND[name], id]);
  return { name, id, row, title: row.title ?? row.name };
}

const asked = (query) => Object.fromEntries(NAMES.filter((name) => query.has(name)).map((name) => [name, query.getAll(name)]));
const owned = (query) => NAMES.flatMap((name) => query.getAll(name).map((id) => [name, id]));

/** Go to the same mix with other seeds; weight and filters as they are now. */
function changed(change) {
  const { query } = present();
  change(query);
  go(["mix"], query);
}

function chip(seed) {
  const sign = seed.name === "dislike" ? "Less like " : "";
  const out = iconButton("close", `Take ${seed.title} out`, () => changed((q) => q.delete(seed.name, seed.id)));
  return h("span", { class: `seed${sign ? " minus" : ""}`, role: "listitem" }, h("span", { class: "cut" }, sign, seed.title), out);
}

function adder() {
  const finder = new Finder({
    label: "Add to the mix", placeholder: "Add a song, an artist or an album",
    choose: ({ kind, id }) => changed((q) => q.append(kind === "song" ? "like" : kind, id)),
  });
  return fill(h("div", {}), finder.element);
}
