// The player's bar: what plays, its buttons, its time, its volume, its queue.

import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { spokenTime, time } from "../format.js";
import { link } from "../router.js";
import { playTitle } from "../titles.js";
import { cover } from "../parts/cover.js";
import { iconButton } from "../parts/buttons.js";
import { likeButton } from "../parts/like_button.js";
import { service } from "../library.js";
import { player } from "./player.js";
import { queuePanel } from "./queue_panel.js";

const STEP_S = 5;

/** Fill the bar, and keep it true. */
export function startBar(root) {
  const now = h("div", { class: "now" });
  const go = iconButton("play", "Play", () => player.toggle(), { class: "go" });
  const previous = iconButton("previous", "Previous song", () => player.previous());
  const next = iconButton("next", "Next song", () => player.next());
  const seek = seekBar();
  fill(root, now,
    h("div", { class: "middle" }, h("div", { class: "buttons" }, previous, go, next), seek.element),
    h("div", { class: "more" }, ...volume(), queueButton()));
  let shown;
  const show = () => {
    if (shown !== player.song) { shown = player.song; fill(now, shown ? playing(shown) : silence()); }
    fill(go, icon(player.isPlaying ? "pause" : "play"));
    go.setAttribute("aria-label", player.isPlaying ? "Pause" : "Play");
    root.classList.toggle("silent", !player.song);
    go.disabled = previous.disabled = !player.song;
    next.disabled = player.at + 1 >= player.queue.length;
    seek.show();
    playTitle(player.isPlaying ? player.song : null);
  };
  player.addEventListener("change", show);
  player.addEventListener("time", seek.show);
  show();
}

function playing(song) {
  return [
    h("a", { href: link(["song", song.id]), tabindex: "-1", "aria-hidden": "true" }, cover("songs", song.id, 54)),
    h("div", { class: "names" },
      h("a", { class: "title cut", href: link(["song", song.id]) }, song.title),
      h("a", { class: "artist soft small cut", href: link(["artist", song.artist_id]) }, song.artist)),
    !service.readOnly && likeButton(song),
  ];
}

function silence() {
  return h("p", { class: "soft small" }, "Nothing is playing. Choose a song.");
}

function seekBar() {
  const input = h("input", { type: "range", min: 0, max: 1, step: 0.1, value: 0, "aria-label": "Place in the song", on: { input: () => player.seek(Number(input.value)) } });
  const [at, whole] = [h("span", { class: "number" }), h("span", { class: "number" })];
  const show = () => {
    const [now, all] = [player.song ? player.audio.currentTime : 0, player.duration];
    input.max = all || 1;
    input.disabled = !player.song;
    input.value = now;
    input.style.setProperty("--fill", `${all ? (now / all) * 100 : 0}%`);
    input.setAttribute("aria-valuetext", `${spokenTime(now)} of ${spokenTime(all)}`);
    at.textContent = time(now);
    whole.textContent = time(all);
  };
  input.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -STEP_S, ArrowRight: STEP_S }[event.key];
    if (step) { event.preventDefault(); player.seek(player.audio.currentTime + step); }
  });
  return { element: h("div", { class: "seek" }, at, input, whole), show };
}

function volume() {
  const input = h("input", { type: "range", class: "volume", min: 0, max: 100, step: 1, "aria-label": "Volume" });
  const mute = iconButton("volume", "Mute", () => { player.audio.muted = !player.audio.muted; });
  const show = () => {
    const isSilent = player.audio.muted || player.audio.volume === 0;
    const shown = player.audio.muted ? 0 : Math.round(player.audio.volume * 100);
    input.value = shown;
    input.style.setProperty("--fill", `${shown}%`);
    input.setAttribute("aria-valuetext", `${shown} percent`);
    fill(mute, icon(isSilent ? "silent" : "volume"));
    mute.setAttribute("aria-pressed", String(player.audio.muted));
  };
  input.addEventListener("input", () => { player.audio.muted = false; player.audio.volume = Number(input.value) / 100; });
  player.audio.addEventListener("volumechange", show);
  show();
  return [mute, input];
}

function queueButton() {
  const panel = queuePanel(() => toggle(false));
  const toggle = (isOpen) => {
    panel.hidden = !isOpen;
    opener.setAttribute("aria-expanded", String(isOpen));
    (isOpen ? panel : opener).focus();
  };
  const opener = iconButton("queue", "Queue", () => toggle(panel.hidden), { class: "queue-opener" });
  opener.setAttribute("aria-expanded", "false");
  document.body.append(panel);
  return opener;
}
