// All playlists, and a new one.

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { asked } from "../dialogs.js";
import { count, span } from "../format.js";
import { service } from "../library.js";
import { notice } from "../notices.js";
import { empty } from "../parts/states.js";
import { go, link } from "../router.js";

const KINDS = { similar: "Similar songs", path: "Song path", about: "Asked in words" };

export async function playlists() {
  const { items } = await get(["playlists"]);
  const make = !service.readOnly && h("button", { type: "button", class: "button first", on: { click: create } }, icon("plus"), "New playlist");
  const body = items.length
    ? h("ul", { class: "lists" }, items.map((one) => h("li", {}, card(one))))
    : empty("list", "No playlists yet", h("p", { class: "soft" }, "Save an answer anywhere: its question is kept, and can be asked again when your library has grown."));
  return { title: "Playlists", elements: [h("section", { class: "heading" }, h("h1", {}, "Playlists"), make), body] };
}

async function create() {
  const name = await asked("New playlist", "Name", "", "Create");
  if (!name) return;
  try {
    const made = await post(["playlists"], { name, songs: [] });
    go(["playlist", made.id]);
  } catch (error) {
    notice(error.message);
  }
}

function card(one) {
  return h("a", { class: "list-card", href: link(["playlist", one.id]) },
    h("h3", {}, one.name),
    h("span", { class: "soft small" }, [count(one.count, "song"), span(one.duration_s)].filter(Boolean).join(", ")),
    h("span", { class: "row" }, badge(one)));
}

/** What kind of list it is, and whether its answer is the present one. */
export function badge(one) {
  if (!one.recipe) return h("span", { class: "badge" }, "By hand");
  return [h("span", { class: "badge good" }, KINDS[one.recipe.kind] ?? "Recipe"), !one.is_current && h("span", { class: "badge warn" }, "Before the last change")];
}
