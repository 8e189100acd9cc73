// What plays: one audio element, a queue, a place in it. The bar and the lists follow its events.

import { streamOf } from "../api.js";
import { keep, kept } from "../kept.js";
import { notice } from "../notices.js";

/** Tells `change` (another song, queue or state), `time`, and `started`. */
class Player extends EventTarget {
  constructor() {
    super();
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.audio.volume = kept("volume") ?? 0.9;
    this.queue = [];
    this.at = -1;
    const told = (name) => this.dispatchEvent(new Event(name));
    this.tell = () => told("change");
    for (const event of ["play", "pause", "volumechange", "loadedmetadata"]) this.audio.addEventListener(event, this.tell);
    for (const event of ["timeupdate", "seeked", "durationchange"]) this.audio.addEventListener(event, () => told("time"));
    this.audio.addEventListener("play", () => told("started"));
    this.audio.addEventListener("ended", () => this.next());
    this.audio.addEventListener("error", () => this.failed());
    this.audio.addEventListener("volumechange", () => keep("volume", this.audio.volume));
  }

  get song() {
    return this.queue[this.at] ?? null;
  }

  get isPlaying() {
    return this.song !== null && !this.audio.paused;
  }

  get duration() {
    return Number.isFinite(this.audio.duration) ? this.audio.duration : (this.song?.duration_s ?? 0);
  }

  /** Play a list from a place in it; it is the queue from now on. */
  play(songs, at = 0) {
    this.queue = [...songs];
    this.goTo(at);
  }

  goTo(at) {
    this.at = at;
    if (!this.song) { this.audio.pause(); this.tell(); return; }
    this.audio.src = streamOf(this.song.id);
    this.start();
    this.tell();
  }

  start() {
    this.audio.play().catch((error) => { if (error.name === "NotAllowedError") notice("Press play: the browser waits for you."); });
  }

  toggle() {
    if (!this.song) return;
    if (this.audio.paused) this.start(); else this.audio.pause();
  }

  pause() {
    this.audio.pause();
  }

  next() {
    if (this.at + 1 < this.queue.length) this.goTo(this.at + 1);
    else { this.audio.pause(); this.tell(); }
  }

  /** The song before; or the beginning of this one, once it has played for some seconds. */
  previous() {
    if (this.audio.currentTime > 4 || this.at <= 0) this.seek(0);
    else this.goTo(this.at - 1);
  }

  seek(seconds) {
    if (this.song) this.audio.currentTime = Math.max(0, Math.min(seconds, this.duration));
  }

  playNext(songs) {
    if (!this.song) { this.play(songs); return; }
    this.queue.splice(this.at + 1, 0, ...songs);
    this.tell();
  }

  append(songs) {
    if (!this.song) { this.play(songs); return; }
    this.queue.push(...songs);
    this.tell();
  }

  /** Take a song out of the queue, or move it to another place; the one that plays goes on. */
  remove(at) {
    this.queue.splice(at, 1);
    if (at < this.at) this.at -= 1;
    else if (at === this.at) { this.goTo(Math.min(this.at, this.queue.length - 1)); return; }
    this.tell();
  }

  move(from, to) {
    const playing = this.song;
    this.queue.splice(to, 0, ...this.queue.splice(from, 1));
    this.at = this.queue.indexOf(playing);
    this.tell();
  }

  failed() {
    if (!this.song || !this.audio.getAttribute("src")) return;
    notice(`${this.song.title} cannot be played: its recording is not there, or your browser does not know its form.`);
    this.tell();
  }
}

export const player = new Player();
