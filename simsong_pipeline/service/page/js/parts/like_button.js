// Hearts: each says and changes whether its song is liked.

import { changes, like, opinionOf } from "../library.js";
import { tell } from "../notices.js";
import { iconButton } from "./buttons.js";

/** A heart; wherever the page shows it, it follows what is pressed elsewhere. */
export function likeButton(song, more = "") {
  const press = () => { like(song, opinionOf(song.id) === true ? null : true).catch(tell); };
  const button = iconButton("heart", `Like ${song.title}`, press, { class: `like ${more}`, title: null, "data-part": "like", dataset: { like: song.id } });
  showOpinion(button);
  return button;
}

/** Keep all hearts of the page true, once for all of its views. */
export function startHearts() {
  changes.addEventListener("likes", () => document.querySelectorAll("[data-like]").forEach(showOpinion));
}

function showOpinion(button) {
  button.setAttribute("aria-pressed", String(opinionOf(button.dataset.like) === true));
}
