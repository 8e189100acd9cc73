// Songs, or a question, into a playlist: a new one or one that is there.

import { get, post, put } from "../api.js";
import { h } from "../dom.js";
import { asked, dialog } from "../dialogs.js";
import { count } from "../format.js";
import { go } from "../router.js";
import { notice, tell } from "../notices.js";

/** Ask which playlist takes the songs, and put them at its end. */
export async function addToPlaylist(songs) {
  try {
    const { items } = await get(["playlists"]);
    const chosen = items.length ? await choose(items) : "new";
    if (chosen === "new") await saveSongs(songs);
    else if (chosen) await append(chosen, songs);
  } catch (error) {
    tell(error);
  }
}

function choose(items) {
  return dialog("Add to a playlist", (close) => h("form", { method: "dialog" },
    h("h2", {}, "Add to a playlist"),
    h("div", { class: "menu-list" },
      [...items.map((one) => h("button", { type: "button", class: "button", on: { click: () => close(one) } }, one.name, h("span", { class: "soft small" }, count(one.count, "song")))),
        h("button", { type: "button", class: "button on", on: { click: () => close("new") } }, "New playlist")]),
    h("div", { class: "row" }, h("button", { type: "button", class: "button quiet", on: { click: () => close(null) } }, "Cancel"))));
}

async function append(playlist, songs) {
  const whole = await get(["playlists", playlist.id]);
  const ids = [...whole.songs.map((song) => song.id), ...songs.map((song) => song.id)];
  await put(["playlists", playlist.id], { songs: [...new Set(ids)] });
  notice(`Added to ${playlist.name}.`);
}

async function saveSongs(songs) {
  const name = await asked("New playlist", "Name", songs.length === 1 ? `With ${songs[0].title}` : "New playlist", "Create");
  if (!name) return;
  await post(["playlists"], { name, songs: songs.map((song) => song.id) });
  notice(`${name} is saved.`);
}

/** Keep a question as a playlist: it can be asked again after a night. */
export async function saveRecipe(kind, question, name) {
  const chosen = await asked("Save as a playlist", "Name", name, "Save", "The question is kept with its answer: you can run it again when your library has changed.");
  if (!chosen) return;
  try {
    const made = await post(["playlists"], { name: chosen, recipe: { kind, question } });
    notice(`${chosen} is saved.`);
    go(["playlist", made.id]);
  } catch (error) {
    tell(error);
  }
}
