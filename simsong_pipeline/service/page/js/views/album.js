// An album, in its order.

import { get } from "../api.js";
import { h } from "../dom.js";
import { count, span } from "../format.js";
import { groupHero } from "../parts/group_hero.js";
import { SongList } from "../parts/song_list.js";
import { link } from "../router.js";

export async function album([id]) {
  const found = await get(["albums", id]);
  const list = new SongList(`Songs of ${found.name}`, { isPlain: true });
  list.update(found.song_list);
  const by = [h("a", { href: link(["artist", found.artist_id]) }, found.artist), found.year && ` · ${found.year}`, ` · ${count(found.songs, "song")}, ${span(found.duration_s)}`];
  return { title: found.name, elements: [groupHero("album", found, by), h("section", { class: "block", "aria-label": "Songs" }, list.element)], stop: () => list.stop() };
}
