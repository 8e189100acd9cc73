// The queue, to look at and to change.

import { fill, h } from "../dom.js";
import { service } from "../library.js";
import { addToPlaylist } from "../parts/add_to_playlist.js";
import { iconButton } from "../parts/buttons.js";
import { player } from "./player.js";

/** A panel that follows the queue; `close` is called at Escape and by its button. */
export function queuePanel(close) {
  const panel = h("section", { class: "queue", "aria-label": "Queue", tabindex: "-1", hidden: true, on: { keydown: (event) => { if (event.key === "Escape") close(); } } });
  const show = () => { if (!panel.hidden) fill(panel, head(close), player.queue.length ? list() : h("p", { class: "soft" }, "Nothing is in the queue.")); };
  player.addEventListener("change", show);
  new MutationObserver(show).observe(panel, { attributeFilter: ["hidden"] });
  return panel;
}

function head(close) {
  return h("div", { class: "heading" }, h("h2", {}, "Queue"), h("div", { class: "row" },
    !service.readOnly && player.queue.length > 0 && h("button", { type: "button", class: "button quiet", on: { click: () => addToPlaylist(player.queue) } }, "Save"),
    iconButton("close", "Close the queue", close)));
}

function list() {
  return h("ol", {}, player.queue.map((song, at) => h("li", { "aria-current": at === player.at ? "true" : null },
    h("button", { type: "button", class: "pick", on: { click: () => player.goTo(at) } }, h("span", { class: "cut" }, song.title), h("span", { class: "cut soft small" }, song.artist)),
    h("div", { class: "row" },
      at > 0 && iconButton("up", `Move ${song.title} up`, () => player.move(at, at - 1)),
      iconButton("close", `Take ${song.title} out`, () => player.remove(at))))));
}
