// A song, what is known of it, and what is like it.

import { get } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { language, time } from "../format.js";
import { keep, kept } from "../kept.js";
import { service } from "../library.js";
import { player } from "../player/player.js";
import { cover } from "../parts/cover.js";
import { moreButton } from "../parts/menu.js";
import { QuestionPanel } from "../parts/question_panel.js";
import { likeButton } from "../parts/like_button.js";
import { songMenu } from "../parts/song_menu.js";
import { go, link, present } from "../router.js";

const MOST_TAGS = 8;
const LATELY = 12;

export async function song([id], query) {
  const found = await get(["songs", id]);
  keep("lately", [id, ...(kept("lately") ?? []).filter((one) => one !== id)].slice(0, LATELY));
  const panel = new QuestionPanel({
    kind: "similar", label: "Songs like this", query, first: found,
    base: () => ({ like: [found.id] }), name: () => `Like ${found.title}`,
    entries: (other) => [
      { sign: "plus", words: "More like this, too", act: () => goMix([found.id, other.id], []) },
      { sign: "minus", words: "Less like this", act: () => goMix([found.id], [other.id]) },
    ],
  });
  return { title: found.title, elements: [hero(found), panel.element, details(found)], stop: () => panel.stop() };
}

/** The mix of these, with weight and filters as they are now. */
function goMix(likes, dislikes) {
  const { query: mixed } = present();
  likes.forEach((id) => mixed.append("like", id));
  dislikes.forEach((id) => mixed.append("dislike", id));
  go(["mix"], mixed);
}

function hero(found) {
  const more = moreButton(found, () => songMenu(found));
  return h("section", { class: "hero", "aria-label": found.title }, cover("songs", found.id, 208),
    h("div", { class: "words" },
      h("div", {}, h("h1", {}, found.title), h("p", { class: "by" }, h("a", { href: link(["artist", found.artist_id]) }, found.artist),
        found.album_id && [" · ", h("a", { href: link(["album", found.album_id]) }, found.album)], found.year && ` · ${found.year}`)),
      h("div", { class: "chips" }, tags(found)),
      h("div", { class: "row" }, playButton(found),
        h("a", { class: "button", href: link(["path"], new URLSearchParams({ start: found.id })) }, icon("path"), "Path from here"),
        !service.readOnly && likeButton(found), more)));
}

function playButton(found) {
  if (!found.file) return h("span", { class: "badge warn" }, found.why_not ?? "Its recording is not there");
  return h("button", { type: "button", class: "button first", on: { click: () => player.play([found]) } }, icon("play"), "Play");
}

function tags(found) {
  const genres = found.genres.map((name) => h("a", { class: "chip", href: link(["genre", name]) }, name));
  const own = new Set(found.genres.map((name) => name.toLowerCase()));
  const others = [...new Set([...found.tags, ...found.heard_tags])].filter((name) => !own.has(name.toLowerCase())).slice(0, MOST_TAGS);
  return [...genres, ...others.map((name) => h("span", { class: "chip" }, name))];
}

function details(found) {
  const file = found.file;
  const rows = [
    ["Length", found.duration_s && time(found.duration_s)],
    ["Tempo", found.tempo_bpm && `${Math.round(found.tempo_bpm)} beats a minute`],
    ["Loudness", found.loudness_db && `${found.loudness_db.toFixed(1)} dB`],
    ["Lyrics", found.language && language(found.language)],
    ["File", file && [file.suffix.replace(".", "").toUpperCase(), file.bit_rate && `${file.bit_rate} kbit/s`, file.sample_rate && `${file.sample_rate / 1000} kHz`].filter(Boolean).join(", ")],
    ["Heard as", found.outlier],
  ].filter(([, value]) => value);
  return h("section", { class: "block", "aria-label": "About this song" }, h("details", {}, h("summary", {}, "About this song"),
    h("dl", { class: "facts-list" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    found.lyrics_excerpt && h("p", { class: "lyrics-excerpt" }, `${found.lyrics_excerpt} …`)));
}
