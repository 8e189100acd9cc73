// Albums and artists as pictures with names.

import { h } from "../dom.js";
import { count } from "../format.js";
import { link } from "../router.js";
import { cover } from "./cover.js";

export const albumCard = (album) => card(["album", album.id], "albums", album.id, album.name, [album.artist, album.year].filter(Boolean).join(" · "));
export const artistCard = (artist) => card(["artist", artist.id], "artists", artist.id, artist.name, count(artist.songs, "song"), "round");
export const songCard = (song) => card(["song", song.id], "songs", song.id, song.title, song.artist);

function card(parts, kind, id, name, more, shape = "") {
  return h("a", { class: `card ${shape}`, href: link(parts) }, cover(kind, id, 300), h("span", {}, h("strong", {}, name), h("span", {}, more)));
}

export function shelf(title, cards, more = null) {
  return h("section", { class: "block", "aria-label": title }, h("div", { class: "heading" }, h("h2", {}, title), more), h("div", { class: "cards" }, cards));
}
