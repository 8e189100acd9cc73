// The parts of the page, and the search above them.

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { count } from "./format.js";
import { library, service } from "./library.js";
import { Finder } from "./parts/finder.js";
import { go, link } from "./router.js";

const PARTS = [
  ["", "Listen", "home", ["song", "artist", "album", "genre", "search", "mix"]],
  ["map", "Map", "map", []],
  ["words", "Words", "words", []],
  ["path", "Path", "path", []],
  ["playlists", "Playlists", "list", ["playlist"]],
  ["likes", "Likes", "heart", []],
  ["report", "Report", "card", ["night"]],
];

/** Fill the frame: links to the parts, and the search. */
export function startNavigation() {
  const links = PARTS.map(([name, words, sign]) => h("a", { href: link([name].filter(Boolean)), dataset: { part: name } }, icon(sign), h("span", {}, words)));
  const what = `${count(library.songs, "song")} by ${count(library.artists, "artist")}`;
  fill(document.getElementById("nav"), links, h("p", { class: "about" }, what, service.readOnly && " · read only", h("br"), `SimSong ${service.version} · `, h("a", { class: "text-link", href: "docs" }, "API")));
  const finder = new Finder({
    label: "Search songs, artists and albums", placeholder: "Search",
    choose: ({ kind, id }) => { finder.clear(); go([kind, id]); },
    enter: (words) => { finder.input.blur(); go(["search", words]); },
  });
  finder.input.title = "Press / to search";
  fill(document.getElementById("search"), finder.element);
}

/** Mark the part that is shown. */
export function showPlace(name) {
  for (const [part, , , also] of PARTS) {
    const here = document.querySelector(`#nav a[data-part="${part}"]`);
    if (name === part || also.includes(name)) here?.setAttribute("aria-current", "page");
    else here?.removeAttribute("aria-current");
  }
}
