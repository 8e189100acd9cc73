// Songs by what their lyrics say and, where the model knows words, by what they sound like.

import { fill, h } from "../dom.js";
import { library } from "../library.js";
import { slider } from "../parts/filter_fields.js";
import { QuestionPanel } from "../parts/question_panel.js";
import { percent } from "../format.js";

const IDEAS = ["quiet songs about the sea", "leaving home", "dancing all night", "a love that ended", "growing old"];

export async function words(_rest, query) {
  const asked = { text: query.get("text") ?? "", sound: query.get("sound") ?? "", sound_weight: Number(query.get("sound_weight") ?? 0.5) };
  const place = h("div", {});
  let panel = null;
  const ask = () => {
    const keep = Object.fromEntries(Object.entries(asked).filter(([name, value]) => value !== "" && (name !== "sound_weight" || asked.sound)));
    if (!asked.text.trim() && !asked.sound.trim()) { panel?.stop(); panel = null; fill(place); return; }
    if (panel) { panel.keep = keep; panel.changed(); return; }
    panel = new QuestionPanel({
      kind: "about", label: "Songs that fit", query, keep, hasWeight: false, filters: ["diversity"], name: () => asked.text || asked.sound,
      base: () => ({ text: asked.text.trim() || null, sound: asked.sound.trim() || null, ...(asked.sound.trim() ? { sound_weight: asked.sound_weight } : {}) }),
    });
    panel.rememberIt();
    fill(place, panel.element);
  };
  const text = area("What the lyrics are about", "quiet songs about the sea", asked.text, (value) => { asked.text = value; ask(); });
  const sound = library.knows_sounds && area("What the music sounds like", "calm piano at night", asked.sound, (value) => { asked.sound = value; ask(); });
  const weight = library.knows_sounds && slider("Sound beside lyrics", { min: 0, max: 1, step: 0.05, value: asked.sound_weight, words: (w) => `${percent(w)} sound` }, (w) => { asked.sound_weight = w; ask(); });
  ask();
  return { title: "Words", stop: () => panel?.stop(), elements: [
    h("section", { class: "block" }, h("h1", {}, "Ask in words"), h("p", { class: "soft" }, library.knows_sounds ? "By what songs say, by what they sound like, or both." : "By what songs say. This library's model knows no words for sounds."),
      h("div", { class: "panel fields" }, text.element, sound && sound.element, weight),
      h("div", { class: "chips", role: "group", "aria-label": "Ideas" }, IDEAS.map((idea) => h("button", { type: "button", class: "chip", on: { click: () => { text.input.value = idea; asked.text = idea; ask(); } } }, idea)))),
    place,
  ] };
}

function area(label, placeholder, value, change) {
  let timer = 0;
  const input = h("textarea", { rows: 2, placeholder, maxlength: 500, on: { input: () => { clearTimeout(timer); timer = setTimeout(() => change(input.value), 350); } } });
  input.value = value;
  return { input, element: h("label", { class: "field" }, label, input) };
}
