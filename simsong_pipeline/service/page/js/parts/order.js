// Another order of a list: by dragging a row, or by buttons, which keyboards and touch can use too.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { announce } from "../notices.js";
import { iconButton } from "./buttons.js";

/** Options for a SongList whose rows can be moved and taken out; `view.list.songs` is the order, `save` takes another. */
export function orderable(view, save) {
  const songs = () => view.list.songs;
  const place = (song) => songs().findIndex((one) => one.id === song.id);
  const move = (song, to) => {
    const from = place(song);
    if (to < 0 || to >= songs().length || to === from) return;
    const next = songs().filter((one) => one.id !== song.id);
    next.splice(to, 0, song);
    announce(`${song.title} is number ${to + 1} of ${next.length}`);
    save(next);
  };
  const button = (sign, label, part, act) => iconButton(sign, label, act, { "data-part": part });
  const tools = (song) => [
    grip(song, songs, place, move),
    button("up", `Move ${song.title} up`, "up", () => move(song, place(song) - 1)),
    button("below", `Move ${song.title} down`, "below", () => move(song, place(song) + 1)),
  ];
  const entries = (song) => [{ sign: "bin", words: "Take out of the playlist", act: () => save(songs().filter((one) => one.id !== song.id)) }, null];
  return { tools, entries };
}

function grip(song, songs, place, move) {
  const handle = h("span", { class: "icon-button grip wide-only", title: "Drag to another place", "aria-hidden": "true", draggable: "true" }, icon("grip"));
  handle.addEventListener("dragstart", (event) => {
    const row = handle.closest("li");
    event.dataTransfer.setData("text/plain", song.id);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(row, 20, 20);
    row.classList.add("dragged");
    follow(row, song, songs, place, move);
  });
  return handle;
}

/** Mark where the row would go, and move it where it is dropped. */
function follow(row, song, songs, place, move) {
  const list = row.parentElement;
  const controller = new AbortController();
  const { signal } = controller;
  let to = null;
  const mark = (event) => {
    event.preventDefault();
    const over = event.target.closest?.(".song");
    list.querySelectorAll(".target").forEach((one) => one.classList.remove("target"));
    if (!over || over === row) { to = null; return; }
    over.classList.add("target");
    to = songs().findIndex((one) => one.id === over.dataset.id);
  };
  const end = () => { controller.abort(); row.classList.remove("dragged"); list.querySelectorAll(".target").forEach((one) => one.classList.remove("target")); };
  list.addEventListener("dragover", mark, { signal });
  list.addEventListener("drop", (event) => { event.preventDefault(); end(); if (to !== null) move(song, to > place(song) ? to - 1 : to); }, { signal });
  document.addEventListener("dragend", end, { signal });
}
