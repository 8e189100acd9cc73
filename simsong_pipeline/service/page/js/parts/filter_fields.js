// Fields of the filters: spans, choices and switches, each telling one value.

import { fill, freshId, h } from "../dom.js";
import { icon } from "../icons.js";

/** Two numbers, from and to; `factor` turns what is typed into what is asked. */
export function spanField(title, [low, high], values, change, { unit = "", step = 1, factor = 1 } = {}) {
  const input = (name, label) => h("input", {
    type: "number", inputmode: "decimal", step, min: 0, "aria-label": `${title}, ${label}`, placeholder: label,
    value: values[name] === undefined ? "" : String(Number(values[name]) / factor),
    on: { input: (event) => change(name, event.target.value === "" ? undefined : Number(event.target.value) * factor) },
  });
  return h("fieldset", {}, h("legend", {}, unit ? `${title} (${unit})` : title), h("div", { class: "span" }, input(low, "from"), h("span", { class: "soft" }, "–"), input(high, "to")));
}

/** Names that can be switched on, the commonest first. */
export function switches(title, names, chosen, change, shown = (name) => name) {
  const on = new Set(chosen);
  const button = (name) => {
    const chip = h("button", { type: "button", class: "chip", "aria-pressed": String(on.has(name)) }, shown(name));
    chip.addEventListener("click", () => {
      if (on.has(name)) on.delete(name); else on.add(name);
      chip.setAttribute("aria-pressed", String(on.has(name)));
      change([...on]);
    });
    return chip;
  };
  return h("fieldset", { class: "wide" }, h("legend", {}, title), h("div", { class: "chips" }, names.map(button)));
}

/** Names out of a long list: typed with suggestions, shown as chips. */
export function picks(title, names, chosen, change) {
  const id = freshId("names");
  const on = new Set(chosen);
  const chips = h("div", { class: "chips" });
  const show = () => fill(chips, [...on].map((name) => h("button", { type: "button", class: "chip", "aria-pressed": "true", "aria-label": `Remove ${name}`,
    on: { click: () => { on.delete(name); show(); change([...on]); } } }, name, icon("close"))));
  const take = (event) => {
    const typed = event.target.value.trim().toLowerCase();
    const found = names.find((name) => name.toLowerCase() === typed);
    if (!found) return;
    on.add(found);
    event.target.value = "";
    show();
    change([...on]);
  };
  show();
  return h("div", { class: "field" },
    h("label", { for: `${id}-field` }, title),
    h("input", { type: "text", id: `${id}-field`, list: id, placeholder: "Type to choose", on: { input: take, change: take } }),
    h("datalist", { id }, names.slice(0, 1000).map((name) => h("option", { value: name }))),
    chips);
}

/** One of a few values. */
export function select(title, values, chosen, change) {
  const id = freshId("select");
  return h("div", { class: "field" }, h("label", { for: id }, title),
    h("select", { id, on: { change: (event) => change(event.target.value || undefined) } },
      values.map(([value, words]) => h("option", { value: value ?? "", selected: String(value ?? "") === String(chosen ?? "") }, words))));
}

/** Yes or no. */
export function check(words, isOn, change) {
  return h("label", { class: "check" }, h("input", { type: "checkbox", checked: isOn, on: { change: (event) => change(event.target.checked || undefined) } }), words);
}

/** A slider with a word for its place. */
export function slider(title, { min, max, step, value, words }, change) {
  const id = freshId("slider");
  const input = h("input", { type: "range", id, min, max, step, value });
  const output = h("output", { for: id, class: "soft small" });
  const show = () => {
    output.textContent = words(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
    input.style.setProperty("--fill", `${((input.value - min) / (max - min)) * 100}%`);
  };
  input.addEventListener("input", () => { show(); change(Number(input.value)); });
  show();
  return h("div", { class: "field" }, h("label", { for: id }, title), input, output);
}
