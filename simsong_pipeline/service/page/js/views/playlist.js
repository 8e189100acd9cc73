// A playlist: play, name, order, export, and its question again.

import { addressOf, get, post, put, remove } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { confirmed } from "../dialogs.js";
import { count, span } from "../format.js";
import { service } from "../library.js";
import { announce, notice, tell } from "../notices.js";
import { player } from "../player/player.js";
import { Finder } from "../parts/finder.js";
import { orderable } from "../parts/order.js";
import { inWords } from "../parts/recipe_words.js";
import { SongList } from "../parts/song_list.js";
import { empty } from "../parts/states.js";
import { go } from "../router.js";
import { badge } from "./playlists.js";

export async function playlist([id]) {
  const shown = new PlaylistView(await get(["playlists", id]));
  return { title: shown.list.name, elements: [shown.head, shown.body], stop: () => shown.songs.stop() };
}

class PlaylistView {
  constructor(list) {
    this.head = h("section", { class: "block" });
    this.turn = 0;
    const order = service.readOnly ? {} : orderable(this, (songs) => this.save(songs));
    this.songs = new SongList("Songs of the playlist", { isPlain: true, ...order });
    this.nothing = empty("list", "Nothing in it yet", h("p", { class: "soft" }, "Add songs below, or from any song's menu."));
    // Put in once: a row that is dragged, or has the focus, keeps it when the list is shown anew.
    this.body = h("section", { class: "block", "aria-label": "Songs" }, this.nothing, this.songs.element, !service.readOnly && this.adder());
    this.show(list);
  }

  show(list) {
    this.list = list;
    this.songs.update(list.songs);
    fill(this.head, this.title(), h("div", { class: "row soft small" }, badge(list), h("span", {}, [count(list.count, "song"), span(list.duration_s)].filter(Boolean).join(", "))), this.recipe(), this.tools(), this.missing());
    this.nothing.hidden = list.songs.length > 0;
  }

  title() {
    const input = h("input", { type: "text", class: "title-edit", value: this.list.name, maxlength: 200, readonly: service.readOnly, "aria-label": "Name of the playlist" });
    input.addEventListener("change", () => {
      const name = input.value.trim();
      if (name) put(["playlists", this.list.id], { name }).then((list) => { this.list = list; announce(`Named ${list.name}`); }).catch(tell);
      else input.value = this.list.name;
    });
    return h("h1", {}, input);
  }

  recipe() {
    if (!this.list.recipe) return null;
    const place = h("p", { class: "soft" });
    inWords(this.list.recipe).then((words) => { place.textContent = words; }).catch(tell);
    return place;
  }

  tools() {
    const button = (sign, words, act, more = "") => h("button", { type: "button", class: `button ${more}`, on: { click: act } }, icon(sign), words);
    return h("div", { class: "row" },
      button("play", "Play", () => player.play(this.list.songs), "first"),
      this.list.recipe && !service.readOnly && button("again", "Run again", () => this.run()),
      h("a", { class: "button", href: addressOf("playlists", this.list.id, "export.m3u8"), download: `${this.list.name}.m3u8` }, icon("save"), "M3U8"),
      !service.readOnly && button("bin", "Delete", () => this.delete(), "quiet bad"));
  }

  missing() {
    const gone = this.list.missing.length;
    return gone > 0 && h("p", { class: "badge warn" }, `${count(gone, "song")} left the library`);
  }

  async run() {
    const before = new Set(this.list.songs.map((song) => song.id));
    try {
      const list = await post(["playlists", this.list.id, "run"]);
      const added = list.songs.filter((song) => !before.has(song.id)).length;
      this.show(list);
      notice(added ? `Asked again: ${count(added, "song")} came in.` : "Asked again: the same songs.");
    } catch (error) {
      tell(error);
    }
  }

  /** Show another order at once and keep it; of answers only that to the last change is shown. */
  save(songs) {
    const mine = ++this.turn;
    this.show({ ...this.list, songs, count: songs.length, duration_s: songs.reduce((sum, song) => sum + (song.duration_s ?? 0), 0) });
    return put(["playlists", this.list.id], { songs: songs.map((song) => song.id) }).then((list) => { if (mine === this.turn) this.show(list); }).catch(async (error) => {
      tell(error);
      this.show(await get(["playlists", this.list.id]));
    });
  }

  async delete() {
    if (!(await confirmed(`Delete “${this.list.name}”?`, "Delete"))) return;
    try {
      await remove(["playlists", this.list.id]);
      go(["playlists"]);
    } catch (error) {
      tell(error);
    }
  }

  adder() {
    const finder = new Finder({ label: "Add a song", placeholder: "Add a song", kinds: ["songs"], choose: ({ row }) => {
      if (this.list.songs.some((song) => song.id === row.id)) notice(`${row.title} is in it already.`);
      else this.save([...this.list.songs, row]);
    } });
    return finder.element;
  }
}
