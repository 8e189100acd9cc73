// Where one begins: songs of lately, albums, genres.

import { get } from "../api.js";
import { h } from "../dom.js";
import { kept } from "../kept.js";
import { count } from "../format.js";
import { library } from "../library.js";
import { albumCard, artistCard, shelf, songCard } from "../parts/cards.js";
import { empty } from "../parts/states.js";
import { link } from "../router.js";

const SHOWN = 12;
const GENRES = 24;

export async function home() {
  if (!library.songs) return { title: "", elements: [nothingYet()] };
  const [albums, artists, genres, lately] = await Promise.all([some("albums"), some("artists"), get(["genres"]), playedLately()]);
  return { title: "", elements: [
    h("section", { class: "welcome" }, h("h1", {}, greeting()), h("p", { class: "soft" }, `${count(library.songs, "song")} by ${count(library.artists, "artist")}. Choose one and hear what is near to it, by its sound and by its words.`)),
    lately.length > 0 && shelf("Lately", lately.map(songCard)),
    albums.length > 0 && shelf("Albums to start from", albums.map(albumCard), all("albums", library.albums)),
    artists.length > 0 && shelf("Artists", artists.map(artistCard), all("artists", library.artists)),
    genres.items.length > 0 && h("section", { class: "block", "aria-label": "Genres" }, h("h2", {}, "Genres"),
      h("div", { class: "chips" }, genres.items.slice(0, GENRES).map((genre) => h("a", { class: "chip", href: link(["genre", genre.name]) }, genre.name, h("span", { class: "number" }, String(genre.songs)))))),
  ] };
}

function greeting() {
  const hour = new Date().getHours();
  return hour < 5 ? "Still awake?" : hour < 12 ? "Good morning" : hour < 18 ? "Good afternoon" : "Good evening";
}

/** Some of a list, from all over a stretch of it that is another one each day. */
async function some(kind) {
  const limit = SHOWN * 8;
  const day = Math.floor(Date.now() / 86_400_000);
  const offset = library[kind] > limit ? (day * 7919) % (library[kind] - limit + 1) : 0;
  const { items } = await get([kind], { limit, offset });
  const step = Math.max(1, items.length / SHOWN);
  return items.filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step)).slice(0, SHOWN);
}

async function playedLately() {
  const ids = (kept("lately") ?? []).slice(0, 6);
  const found = await Promise.allSettled(ids.map((id) => get(["songs", id])));
  return found.filter((one) => one.status === "fulfilled").map((one) => one.value);
}

const all = (kind, number) => number > SHOWN && h("a", { class: "text-link small", href: link(["search", "", kind]) }, `All ${count(number, kind.slice(0, -1))}`);

function nothingYet() {
  return empty("note", "Your library is empty",
    h("p", { class: "soft" }, "Name the folder of your music once, where SimSong is installed; the page shows it as soon as it is done:"),
    h("p", {}, h("code", {}, "simsong library ~/Music")),
    h("p", { class: "soft" }, "Or try it with the sample catalogue first: ", h("code", {}, "simsong demo")));
}
