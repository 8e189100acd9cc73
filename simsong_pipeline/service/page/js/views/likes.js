// What is liked and disliked, and what is never suggested.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import { allowAgain, likes, service } from "../library.js";
import { tell } from "../notices.js";
import { player } from "../player/player.js";
import { SongList } from "../parts/song_list.js";
import { empty } from "../parts/states.js";
import { link } from "../router.js";

const MOST = 200;
const SEEDS = 40;

export async function likesView() {
  const [liked, disliked, never] = await Promise.all([songsOf(likes.liked), songsOf(likes.disliked), get(["never"])]);
  const lists = [listOf("Liked", liked), listOf("Disliked", disliked)].filter(Boolean);
  const nothing = !liked.length && !disliked.length && empty("heart", "No likes yet", h("p", { class: "soft" }, "Press the heart of a song. Your likes can then be mixed into one question."));
  return { title: "Likes", elements: [
    h("section", { class: "heading" }, h("h1", {}, "Likes"), liked.length > 0 && h("a", { class: "button first", href: mixOf(liked, disliked) }, icon("target"), "Songs like my likes")),
    nothing, lists.map((list) => list.element), neverBlock(never.items),
  ], stop: () => lists.forEach((list) => list.stop()) };
}

async function songsOf(ids) {
  const found = await Promise.allSettled([...ids].slice(-MOST).reverse().map((id) => get(["songs", id])));
  return found.filter((one) => one.status === "fulfilled").map((one) => one.value);
}

function mixOf(liked, disliked) {
  const query = new URLSearchParams();
  liked.slice(0, SEEDS).forEach((song) => query.append("like", song.id));
  disliked.slice(0, SEEDS).forEach((song) => query.append("dislike", song.id));
  return link(["mix"], query);
}

function listOf(title, songs) {
  if (!songs.length) return null;
  const list = new SongList(title, { isPlain: true });
  list.update(songs);
  const play = h("button", { type: "button", class: "button quiet", on: { click: () => player.play(songs) } }, icon("play"), "Play");
  return { element: h("section", { class: "block", "aria-label": title }, h("div", { class: "heading" }, h("h2", {}, title), play), list.element), stop: () => list.stop() };
}

function neverBlock(items) {
  const rows = h("ul", { class: "plain-rows" });
  const show = (all) => fill(rows, all.map((one) => h("li", {}, h("span", { class: "cut" }, one.name, h("span", { class: "soft small" }, ` · ${one.what}`)), !service.readOnly && again(one, show))));
  show(items);
  return items.length > 0 && h("section", { class: "block", "aria-label": "Never suggested" }, h("h2", {}, "Never suggested"), rows);
}

function again(one, show) {
  const allow = () => allowAgain(one.what, one.id).then((answer) => show(answer.items)).catch(tell);
  return h("button", { type: "button", class: "button quiet", on: { click: allow } }, "Allow again");
}
