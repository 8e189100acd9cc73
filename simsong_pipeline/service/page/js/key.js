// The key of a service that others can reach: asked for once, kept by the browser as a cookie that scripts cannot read.

import { post } from "./api.js";
import { h } from "./dom.js";

/** Ask for the key until the service takes one. */
export function askForKey() {
  return new Promise((kept) => {
    const input = h("input", { type: "password", required: true, autocomplete: "current-password", autofocus: true });
    let isOpen = false;
    const wrong = h("p", { class: "soft", role: "alert" });
    const send = async (event) => {
      event.preventDefault();
      try {
        await post(["session"], { key: input.value });
      } catch (error) {
        wrong.textContent = error.message;
        input.select();
        return;
      }
      isOpen = true;
      box.close();
    };
    // Nothing can be shown without the key: closed by the keyboard, the question comes again.
    const closed = () => (isOpen ? (box.remove(), kept()) : box.showModal());
    const box = h("dialog", { "aria-label": "Key", on: { close: closed } },
      h("form", { on: { submit: send } },
        h("h2", {}, "This library has a key"),
        h("p", { class: "soft" }, "It is the text in SIMSONG_API_KEY, where the service was started."),
        h("label", { class: "field" }, "Key", input),
        wrong,
        h("div", { class: "row" }, h("button", { type: "submit", class: "button first" }, "Open"))));
    document.body.append(box);
    box.showModal();
  });
}
