// A menu at a button. The browser's popover closes it at Escape and at a click elsewhere.

import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { iconButton } from "./buttons.js";

const EDGE = 8;
let open = null;

/** A button that opens a menu for a song; `entries()` are asked for when it is pressed. */
export function moreButton(song, entries) {
  const attributes = { title: null, "data-part": "more", "aria-haspopup": "menu", "aria-expanded": "false" };
  return iconButton("more", `More for ${song.title}`, (event) => showMenu(event.currentTarget, entries()), attributes);
}

/** Show entries `{sign, words, act}`, or null for a line, at a button; arrows move, Enter acts. */
export function showMenu(button, entries) {
  open?.hidePopover();
  const menu = h("div", { class: "menu", role: "menu", popover: "auto", on: { keydown: move } });
  fill(menu, entries.map((entry) => (entry ? item(menu, entry) : h("hr", {}))));
  document.getElementById("main").append(menu); // within a landmark, where those who hear the page find it
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    const hadFocus = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    open = open === menu ? null : open;
    button.setAttribute("aria-expanded", "false");
    if (hadFocus && button.isConnected) button.focus();
  });
  menu.showPopover();
  open = menu;
  button.setAttribute("aria-expanded", "true");
  place(menu, button.getBoundingClientRect());
  menu.querySelector("button").focus();
}

function item(menu, { sign, words, act }) {
  const chosen = () => { menu.hidePopover(); act(); };
  return h("button", { type: "button", role: "menuitem", tabindex: "-1", on: { click: chosen } }, icon(sign), words);
}

function place(menu, at) {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.max(EDGE, Math.min(at.right - width, innerWidth - width - EDGE));
  const below = at.bottom + 4 + height < innerHeight - EDGE;
  menu.style.left = `${left}px`;
  menu.style.top = `${Math.max(EDGE, below ? at.bottom + 4 : at.top - height - 4)}px`;
}

function move(event) {
  const items = [...event.currentTarget.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") event.currentTarget.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
}
