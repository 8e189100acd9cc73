// Why two songs are near: how much each part counts, and the seconds that match, to be heard in both.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { time } from "../format.js";
import { Sampler } from "../player/sampler.js";
import { loading, problem } from "./states.js";

const COLOURS = 5;
const LEAST_PX = 34;
const LANE_PX = 20;

/** The panel for two songs (with `id`, `title` and `duration_s`). */
export function whyPanel(first, second, weights = {}) {
  const panel = h("div", { class: "why", role: "region", "aria-label": `Why ${second.title}` }, loading(2));
  const sampler = new Sampler();
  panel.stop = () => sampler.stop();
  get(["why"], { first: first.id, second: second.id, best: COLOURS, ...weights })
    .then((answer) => fill(panel, explained(answer, [first, second], sampler)))
    .catch((error) => fill(panel, problem(error)));
  return panel;
}

function explained(answer, songs, sampler) {
  return [
    h("p", {}, inWords(answer, songs)),
    h("div", { class: "why-parts" }, part("Sound", answer.audio), part("Lyrics", answer.lyrics, "lyrics")),
    answer.segments.length ? segments(answer, songs, sampler) : h("p", { class: "soft" }, "No seconds of these two can be compared one by one."),
    answer.heard.length > 0 && h("dl", { class: "heard" }, answer.heard.map(([what, text]) => [h("dt", {}, what), h("dd", {}, text)])),
  ];
}

function inWords({ audio, lyrics, audio_weight, hubness_taken_off, score }, [first, second]) {
  const sound = `${second.title} sounds ${degree(audio)} ${first.title}`;
  const said = lyrics === null ? "lyrics of both are not there to compare" : `the lyrics are ${alike(lyrics)}`;
  const weight = `sound counts ${Math.round(audio_weight * 100)} %`;
  const off = hubness_taken_off > 0.005 ? `, and ${hubness_taken_off.toFixed(2)} are taken off because it is near to many songs` : "";
  return `${sound}; ${said}. In the score of ${score.toFixed(2)} ${weight}${off}.`;
}

const degree = (cosine) => (cosine > 0.7 ? "very much like" : cosine > 0.45 ? "much like" : cosine > 0.2 ? "somewhat like" : "little like");
const alike = (cosine) => (cosine > 0.7 ? "very alike" : cosine > 0.45 ? "alike" : cosine > 0.2 ? "somewhat alike" : "hardly alike");

function part(name, cosine, kind = "sound") {
  const share = cosine === null ? 0 : Math.max(0, cosine);
  return h("div", { class: `why-part ${kind}` }, h("span", {}, name),
    h("span", { class: "meter" }, h("i", { style: { width: `${share * 100}%` } })),
    h("span", { class: "number soft" }, cosine === null ? "none" : cosine.toFixed(2)));
}

function segments(answer, songs, sampler) {
  const pairs = answer.segments.slice(0, COLOURS);
  const lit = new Set();
  const root = h("div", { class: "why-parts" });
  const light = (at, isOn) => root.querySelectorAll(`[data-pair="${at}"]`).forEach((mark) => mark.classList.toggle("lit", isOn));
  const context = { pairs, light, sampler, lit };
  fill(root,
    h("h3", {}, "Seconds that match"),
    strip(songs[0], "first", context), strip(songs[1], "second", context),
    h("ol", { class: "pairs", "aria-label": "Matching seconds" }, pairs.map((pair, at) => pairRow(pair, at, songs, context))));
  return root;
}

/** Where a pair lies in one of the songs, in seconds. */
const from = (pair, side) => pair[`${side}_s`];
const lengthOf = (pair, side) => pair[`${side}_end_s`] - from(pair, side);

function strip(song, side, { pairs, light, sampler }) {
  const whole = Math.max(song.duration_s || 0, ...pairs.map((pair) => pair[`${side}_end_s`]));
  const head = h("span", { class: "head", hidden: true });
  sampler.follow(song.id, (at) => { head.hidden = at === null; if (at !== null) head.style.left = `${(at / whole) * 100}%`; });
  const lanes = pairs.map((pair) => pairs.filter((other) => from(other, side) === from(pair, side)));
  const marks = pairs.map((pair, at) => h("button", {
    type: "button", class: `c${at}`, dataset: { pair: at },
    style: { left: `${(from(pair, side) / whole) * 100}%`, width: `${(lengthOf(pair, side) / whole) * 100}%`, ...lane(lanes[at].indexOf(pair), lanes[at].length) },
    "aria-label": `Play ${song.title} from ${time(from(pair, side))}`, title: time(from(pair, side)),
    on: { click: () => sampler.play([{ id: song.id, from: from(pair, side), length: lengthOf(pair, side) }]), pointerenter: () => light(at, true), pointerleave: () => light(at, false), focus: () => light(at, true), blur: () => light(at, false) },
  }, String(at + 1)));
  return h("div", { class: "strip" }, h("span", { class: "small cut" }, song.title), h("div", { class: "track", style: { height: `${Math.max(LEAST_PX, 6 + LANE_PX * Math.max(...lanes.map((lane) => lane.length)))}px` } }, marks, head));
}

/** Pairs that begin at the same second share its height. */
const lane = (at, of) => ({ top: `calc(3px + ${at} * (100% - 6px) / ${of})`, height: `calc((100% - 6px) / ${of})` });

function pairRow(pair, at, [first, second], { light, sampler }) {
  const one = { id: first.id, from: pair.first_s, length: lengthOf(pair, "first") };
  const other = { id: second.id, from: pair.second_s, length: lengthOf(pair, "second") };
  const button = (words, label, parts) => h("button", { type: "button", class: "button quiet", "aria-label": label, on: { click: () => sampler.play(parts) } }, icon("play"), words);
  return h("li", { dataset: { pair: at }, on: { pointerenter: () => light(at, true), pointerleave: () => light(at, false) } },
    h("span", { class: `mark c${at}`, "aria-hidden": "true" }, String(at + 1)),
    h("span", { class: "number" }, `${time(pair.first_s)} and ${time(pair.second_s)} `, h("span", { class: "soft" }, `${alike(pair.cosine)}, ${pair.cosine.toFixed(2)}`)),
    h("div", { class: "row" },
      button("First", `Play ${first.title} at ${time(pair.first_s)}`, [one]),
      button("Second", `Play ${second.title} at ${time(pair.second_s)}`, [other]),
      button("Both", `Play both, one after the other`, [one, other])));
}
