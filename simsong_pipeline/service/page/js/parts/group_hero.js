// The head of an album or an artist.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { service } from "../library.js";
import { player } from "../player/player.js";
import { link } from "../router.js";
import { addToPlaylist } from "./add_to_playlist.js";
import { cover } from "./cover.js";

/** `kind` is `artist` or `album`; `by` what stands below the name. */
export function groupHero(kind, group, by) {
  const songs = group.song_list;
  return h("section", { class: `hero${kind === "artist" ? " round" : ""}`, "aria-label": group.name }, cover(`${kind}s`, group.id, 208),
    h("div", { class: "words" },
      h("div", {}, h("h1", {}, group.name), h("p", { class: "by" }, by)),
      h("div", { class: "row" },
        h("button", { type: "button", class: "button first", on: { click: () => player.play(songs) } }, icon("play"), "Play"),
        h("a", { class: "button", href: link(["mix"], new URLSearchParams({ [kind]: group.id, exclude_artist: "true" })) }, icon("target"), "More like this"),
        !service.readOnly && h("button", { type: "button", class: "button quiet", on: { click: () => addToPlaylist(songs) } }, icon("plus"), "Playlist"))));
}
