// Keys that work everywhere but where somebody types or a control takes them.

import { player } from "./player/player.js";

const TYPED = "input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]";
const PRESSED = "button, a[href], summary, input, canvas, [role=menuitem]";

/** `/` goes to the search, the space bar plays and pauses. */
export function startShortcuts() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches(TYPED) || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      document.querySelector("#search input").focus();
    } else if (event.key === " " && !event.target.matches(PRESSED) && player.song) {
      event.preventDefault();
      player.toggle();
    }
  });
}
