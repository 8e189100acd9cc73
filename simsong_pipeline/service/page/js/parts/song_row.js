// One song in a list: play, names, facts, tools.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { span, time } from "../format.js";
import { service } from "../library.js";
import { link } from "../router.js";
import { iconButton } from "./buttons.js";
import { cover } from "./cover.js";
import { likeButton } from "./like_button.js";
import { moreButton } from "./menu.js";
import { songMenu } from "./song_menu.js";

/**
 * A row. `options`: `play(song)`, `isPlain` (no nearness), `why(song, row)` where songs are compared with another (`hasWhy(song)` says which),
 * `tools(song)` for more buttons, `entries(song)` for more entries of the menu.
 */
export function songRow(song, options) {
  const line = h("div", { class: "line" },
    h("button", { type: "button", class: "play", "data-part": "play", "aria-label": `Play ${song.title} by ${song.artist}`, on: { click: () => options.play(song) } },
      cover("songs", song.id, 52), icon("play")),
    h("div", { class: "names" },
      h("a", { class: "title", "data-part": "title", href: link(["song", song.id]), title: song.title }, song.title),
      h("span", { class: "artist" }, h("a", { href: link(["artist", song.artist_id]), "data-part": "artist" }, song.artist))),
    h("div", { class: "facts" }, facts(song)),
    !options.isPlain && nearness(song),
    h("span", { class: "length" }, song.duration_s ? time(song.duration_s) : ""),
    h("div", { class: "tools" },
      options.tools?.(song),
      options.why && (options.hasWhy?.(song) ?? true) && whyButton(song, options),
      !service.readOnly && likeButton(song, "wide-only"),
      moreButton(song, () => [...(options.entries?.(song) ?? []), ...songMenu(song)])));
  return h("li", { class: "song", dataset: { id: song.id } }, line);
}

function facts(song) {
  const tempo = song.tempo_bpm ? `${Math.round(song.tempo_bpm)} bpm` : null;
  return [song.album, song.year, tempo, song.album ? null : song.genres?.[0]].filter(Boolean).join(" · ");
}

/** How near a song is, as a bar and a number. */
export function nearness(song) {
  const share = Math.max(0, Math.min(1, song.score));
  return h("div", { class: "near", title: `score ${song.score.toFixed(3)}` },
    h("span", { class: "meter" }, h("i", { style: { width: `${share * 100}%` } })),
    h("span", {}, song.score.toFixed(2), h("span", { class: "unseen" }, " score")));
}

function whyButton(song, options) {
  const why = (event) => options.why(song, event.currentTarget.closest("li"), event.currentTarget);
  return iconButton("why", `Why ${song.title}?`, why, { title: "Why this song?", "data-part": "why", "aria-expanded": "false" });
}

export const lengthOf = (songs) => span(songs.reduce((sum, song) => sum + (song.duration_s ?? 0), 0));
