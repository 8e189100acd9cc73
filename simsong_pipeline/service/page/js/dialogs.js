// Questions in front of the page: the browser's own dialogs keep the focus inside and give it back.

import { fill, h } from "./dom.js";

/** Show a dialog made by `make(close)`; the promise is kept with what `close` is given, or null. */
export function dialog(label, make) {
  return new Promise((kept) => {
    let result = null;
    const box = h("dialog", { "aria-label": label });
    const close = (value) => { result = value; box.close(); };
    box.addEventListener("close", () => { box.remove(); kept(result); });
    fill(box, make(close));
    document.body.append(box);
    box.showModal();
  });
}

/** Ask whether to do something that cannot be taken back. */
export function confirmed(question, yes) {
  return dialog(question, (close) => h("form", { method: "dialog" },
    h("h2", {}, question),
    h("div", { class: "row" },
      h("button", { type: "button", class: "button quiet", on: { click: () => close(false) } }, "Cancel"),
      h("button", { type: "button", class: "button bad", on: { click: () => close(true) } }, yes))));
}

/** Ask for one line of text. */
export function asked(title, label, value, yes, hint = "") {
  return dialog(title, (close) => {
    const input = h("input", { type: "text", value, required: true, maxlength: 200, autofocus: true });
    return h("form", { on: { submit: (event) => { event.preventDefault(); close(input.value.trim() || null); } } },
      h("h2", {}, title),
      hint && h("p", { class: "soft" }, hint),
      h("label", { class: "field" }, label, input),
      h("div", { class: "row" },
        h("button", { type: "button", class: "button quiet", on: { click: () => close(null) } }, "Cancel"),
        h("button", { type: "submit", class: "button first" }, yes)));
  });
}
