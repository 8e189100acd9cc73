// Plays a few seconds of songs, one after the other, beside the queue, which waits meanwhile.

import { streamOf } from "../api.js";
import { notice } from "../notices.js";
import { player } from "./player.js";

let sounding = null;

/** Plays parts `{id, from, length}` in seconds; followers are told where it is, or null. */
export class Sampler {
  constructor() {
    this.audio = new Audio();
    this.audio.preload = "none";
    this.followers = [];
    this.waiting = [];
    this.part = null;
    this.audio.addEventListener("timeupdate", () => this.moved());
    // Told late, when the next part has begun, it would end that one.
    this.audio.addEventListener("ended", () => { if (this.audio.ended) this.next(); });
    this.audio.addEventListener("error", () => { if (this.part) { notice("This recording cannot be played."); this.stop(); } });
  }

  follow(id, tell) {
    this.followers.push({ id, tell });
  }

  play(parts) {
    sounding?.stop();
    sounding = this;
    player.pause();
    this.waiting = [...parts];
    this.next();
  }

  next() {
    this.part = this.waiting.shift() ?? null;
    this.followers.forEach(({ tell }) => tell(null));
    if (!this.part) { this.audio.pause(); return; }
    const { id, from } = this.part;
    const address = streamOf(id);
    const begin = () => { this.audio.currentTime = from; this.audio.volume = player.audio.volume; this.audio.play().catch(() => {}); };
    if (this.audio.getAttribute("src") === address) { begin(); return; }
    this.audio.src = address;
    this.audio.addEventListener("loadedmetadata", begin, { once: true });
    this.audio.load();
  }

  moved() {
    if (!this.part) return;
    const { id, from, length } = this.part;
    const at = this.audio.currentTime;
    this.followers.forEach((follower) => { if (follower.id === id) follower.tell(at); });
    if (at >= from + length) this.next();
  }

  stop() {
    this.waiting = [];
    this.part = null;
    this.audio.pause();
    this.followers.forEach(({ tell }) => tell(null));
  }
}

player.addEventListener("started", () => sounding?.stop());
