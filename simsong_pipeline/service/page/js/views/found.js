// What was searched for, and the songs of a genre.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { count } from "../format.js";
import { albumCard, artistCard } from "../parts/cards.js";
import { paged } from "../parts/paged.js";
import { SongList } from "../parts/song_list.js";
import { empty } from "../parts/states.js";
import { player } from "../player/player.js";

const CARDS = 24;
const SONGS = 50;

export async function search([words = "", only = null]) {
  const kinds = only ? [only] : ["songs", "artists", "albums"];
  const blocks = await Promise.all(kinds.map((kind) => (kind === "songs" ? songsBlock(["songs"], { q: words }, "Songs") : cardsBlock(kind, words))));
  const found = blocks.filter((block) => block.total);
  const head = h("section", {}, h("h1", {}, words ? `“${words}”` : only === "albums" ? "Albums" : only === "artists" ? "Artists" : "Everything"));
  const nothing = empty("search", "Nothing found", h("p", { class: "soft" }, "Words may be only begun, and accents do not matter."));
  return { title: words || "Search", elements: [head, found.length ? found.map((block) => block.element) : nothing], stop: () => blocks.forEach((block) => block.stop?.()) };
}

export async function genre([name]) {
  const block = await songsBlock(["songs"], { genre: name }, counted);
  const play = h("button", { type: "button", class: "button first", on: { click: () => player.play(block.list.songs) } }, icon("play"), "Play");
  return { title: name, elements: [h("section", { class: "heading" }, h("h1", {}, name), block.total > 0 && play), block.total ? block.element : empty("note", "No song is of this genre")], stop: block.stop };
}

const counted = (total) => count(total, "song");

async function songsBlock(parts, values, title) {
  const list = new SongList("Songs", { isPlain: true });
  const { more, total } = await paged(parts, values, SONGS, (items) => list.update([...list.songs, ...items]));
  const words = typeof title === "function" ? title(total) : title;
  return { total, list, element: h("section", { class: "block", "aria-label": words }, h("h2", {}, words), list.element, more), stop: () => list.stop() };
}

async function cardsBlock(kind, words) {
  const cards = h("div", { class: "cards" });
  const make = kind === "albums" ? albumCard : artistCard;
  const { more, total } = await paged([kind], { q: words }, CARDS, (items) => cards.append(...items.map(make)));
  const title = kind === "albums" ? "Albums" : "Artists";
  return { total, element: h("section", { class: "block", "aria-label": title }, words && h("h2", {}, title), cards, more) };
}
