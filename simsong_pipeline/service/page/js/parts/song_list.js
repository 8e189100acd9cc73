// A list of songs that keeps its rows when it is asked anew: a song that moves is seen to move.

import { h, isStill } from "../dom.js";
import { icon } from "../icons.js";
import { player } from "../player/player.js";
import { nearness, songRow } from "./song_row.js";

const MOVE = { duration: 260, easing: "cubic-bezier(.2, .8, .2, 1)" };
const PARTS = ["play", "title", "artist", "why", "like", "more"];

/** A list; `options` as in `songRow`. */
export class SongList {
  constructor(label, options = {}) {
    this.options = { play: (song) => this.playFrom(song), ...options };
    this.songs = [];
    this.rows = new Map();
    this.element = h("ol", { class: `songs${options.isPlain ? " plain" : ""}`, "aria-label": label, on: { keydown: (event) => this.move(event) } });
    const refresh = () => this.refresh();
    const controller = new AbortController();
    player.addEventListener("change", refresh, { signal: controller.signal });
    this.stop = () => controller.abort();
  }

  /** Show these songs; rows of songs that stay are moved, others fade in. */
  update(songs) {
    const before = new Map([...this.rows].map(([id, row]) => [id, row.getBoundingClientRect().top]));
    this.songs = songs;
    const former = this.rows;
    this.rows = new Map(this.songs.map((song) => [song.id, this.rowOf(song, former.get(song.id))]));
    const focused = document.activeElement;
    for (const [id, row] of former) if (!this.rows.has(id)) row.remove();
    [...this.rows.values()].forEach((row, at) => { if (this.element.children[at] !== row) this.element.insertBefore(row, this.element.children[at] ?? null); });
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    this.animate(before);
    this.refresh();
  }

  rowOf(song, former) {
    if (!former) return songRow(song, this.options);
    former.querySelector(".near")?.replaceWith(nearness(song));
    return former;
  }

  animate(before) {
    if (isStill()) return;
    for (const [id, row] of this.rows) {
      if (!before.has(id)) { if (before.size) row.animate([{ opacity: 0 }, { opacity: 1 }], MOVE); continue; }
      const moved = before.get(id) - row.getBoundingClientRect().top;
      if (Math.abs(moved) > 1) row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], MOVE);
    }
  }

  refresh() {
    for (const [id, row] of this.rows) {
      const isHere = player.song?.id === id;
      row.classList.toggle("playing", isHere);
      showPlay(row.querySelector(".play"), isHere && player.isPlaying);
    }
  }

  playFrom(song) {
    if (player.song?.id === song.id) player.toggle();
    else player.play(this.songs, this.songs.findIndex((one) => one.id === song.id));
  }

  /** Up and down go to the same control of the next song. */
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const part = event.target.dataset?.part;
    if (!step || !PARTS.includes(part)) return;
    const rows = [...this.rows.values()];
    const row = rows[rows.indexOf(event.target.closest("li")) + step];
    const target = row?.querySelector(`[data-part="${part}"]`);
    if (target) { event.preventDefault(); target.focus(); }
  }
}

function showPlay(button, isPlaying) {
  if (button.dataset.playing === String(isPlaying)) return;
  button.dataset.playing = String(isPlaying);
  button.querySelector(".icon").replaceWith(icon(isPlaying ? "pause" : "play"));
  button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^(Play|Pause) /, isPlaying ? "Pause " : "Play "));
}
