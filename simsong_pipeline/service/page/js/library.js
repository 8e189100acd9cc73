// What the page knows of the service: what is served, whether it may be written, likes and never.

import { get, put, remove } from "./api.js";
import { notice, tell } from "./notices.js";

export const service = { readOnly: false, version: "" };
export const library = { songs: 0, artists: 0, albums: 0, genres: 0, audio_weight: 0.5, knows_sounds: false, snapshot: "" };
export const likes = { liked: new Set(), disliked: new Set() };
export const changes = new EventTarget();

const told = (name) => changes.dispatchEvent(new Event(name));

/** Ask what the service is and what it serves. */
export async function loadService() {
  const health = await get(["health"]);
  Object.assign(service, { readOnly: health.read_only, version: health.version });
  await loadLibrary();
  takeLikes(await get(["likes"]));
}

/** Look whether a night has published; tells `renewed` where it has. */
export async function loadLibrary() {
  const before = library.snapshot;
  Object.assign(library, await get(["library"]));
  if (before && before !== library.snapshot) told("renewed");
}

function takeLikes(answer) {
  likes.liked = new Set(answer.liked);
  likes.disliked = new Set(answer.disliked);
  told("likes");
}

/** Like a song (true), dislike it (false), or neither (null). */
export async function like(song, likesIt) {
  takeLikes(await put(["likes"], { id: song.id, likes: likesIt }));
}

export const opinionOf = (id) => (likes.liked.has(id) ? true : likes.disliked.has(id) ? false : null);

/** Never suggest a song or an artist again, with a way back. */
export async function never(what, id, name) {
  await put(["never"], { what, id });
  told("never");
  const back = () => allowAgain(what, id).catch(tell);
  notice(`${name} is never suggested again.`, { words: "Undo", act: back });
}

export async function allowAgain(what, id) {
  const answer = await remove(["never"], { what, id });
  told("never");
  return answer;
}
