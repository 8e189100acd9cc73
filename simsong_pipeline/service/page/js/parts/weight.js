// How much the sound counts beside the lyrics: a slider that asks again under the hand.

import { freshId, h } from "../dom.js";
import { library } from "../library.js";

/** A slider; `change(weight)` gets 0 (lyrics alone) to 1 (sound alone), or null for the model's own. */
export function weightSlider(value, change) {
  const id = freshId("weight");
  const input = h("input", { type: "range", min: 0, max: 100, step: 1, id, "aria-label": "Weight of the sound beside the lyrics" });
  const output = h("output", { for: id });
  const own = h("button", { type: "button", class: "text-button", on: { click: () => { show(null); change(null); } } }, "model's own");
  const show = (weight) => {
    const shown = Math.round((weight ?? library.audio_weight) * 100);
    const words = shown === 100 ? "by sound alone" : shown === 0 ? "by lyrics alone" : `${shown} % sound, ${100 - shown} % lyrics`;
    input.value = shown;
    input.setAttribute("aria-valuetext", words);
    output.replaceChildren(words, weight === null ? " · the model's own balance" : " · ", ...(weight === null ? [] : [own]));
  };
  input.addEventListener("input", () => { const weight = Number(input.value) / 100; show(weight); change(weight); });
  show(value);
  return h("div", { class: "weight" }, h("span", { class: "pole lyrics" }, "Lyrics"), input, h("span", { class: "pole sound" }, "Sound"), output);
}
