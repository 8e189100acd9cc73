// An artist: albums and songs.

import { get } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { count } from "../format.js";
import { never, service } from "../library.js";
import { tell } from "../notices.js";
import { albumCard, shelf } from "../parts/cards.js";
import { groupHero } from "../parts/group_hero.js";
import { SongList } from "../parts/song_list.js";

export async function artist([id]) {
  const found = await get(["artists", id]);
  const list = new SongList(`Songs by ${found.name}`, { isPlain: true });
  list.update(found.song_list);
  const hero = groupHero("artist", found, [count(found.songs, "song"), found.albums > 0 && `, ${count(found.albums, "album")}`]);
  const away = h("button", { type: "button", class: "button quiet", on: { click: () => never("artist", found.id, found.name).catch(tell) } }, icon("never"), "Never suggest");
  return { title: found.name, stop: () => list.stop(), elements: [
    hero,
    found.album_list.length > 0 && shelf("Albums", found.album_list.map(albumCard)),
    h("section", { class: "block", "aria-label": "Songs" }, h("div", { class: "heading" }, h("h2", {}, "Songs"), !service.readOnly && away), list.element),
  ] };
}
