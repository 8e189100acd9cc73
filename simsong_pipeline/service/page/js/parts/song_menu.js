// What can be done with any song, wherever it stands.

import { like, never, opinionOf, service } from "../library.js";
import { go } from "../router.js";
import { notice, tell } from "../notices.js";
import { player } from "../player/player.js";
import { addToPlaylist } from "./add_to_playlist.js";

/** Entries of a song's menu. */
export function songMenu(song) {
  const hearing = [
    { sign: "queue", words: "Play next", act: () => { player.playNext([song]); notice(`${song.title} comes next.`); } },
    { sign: "plus", words: "Add to the queue", act: () => { player.append([song]); notice(`${song.title} is in the queue.`); } },
    { sign: "path", words: "Path from here", act: () => go(["path"], new URLSearchParams({ start: song.id })) },
  ];
  return service.readOnly ? hearing : [...hearing, ...writing(song)];
}

function writing(song) {
  const disliked = opinionOf(song.id) === false;
  return [
    { sign: "list", words: "Add to a playlist", act: () => addToPlaylist([song]) },
    null,
    { sign: "heart", words: opinionOf(song.id) ? "No longer like it" : "Like", act: () => like(song, opinionOf(song.id) ? null : true).catch(tell) },
    { sign: "down", words: disliked ? "No longer dislike it" : "Dislike", act: () => like(song, disliked ? null : false).catch(tell) },
    { sign: "never", words: "Never suggest this song", act: () => never("song", song.id, song.title).catch(tell) },
    { sign: "never", words: "Never suggest this artist", act: () => never("artist", song.artist_id, song.artist).catch(tell) },
  ];
}
