// Keys of keyboards, headsets and lock screens.

import { coverOf } from "../api.js";
import { player } from "./player.js";

/** Tell the system what plays, and do what its keys say. */
export function startMediaKeys() {
  const session = navigator.mediaSession;
  if (!session) return;
  const acts = {
    play: () => player.start(),
    pause: () => player.pause(),
    nexttrack: () => player.next(),
    previoustrack: () => player.previous(),
    seekto: (details) => player.seek(details.seekTime),
    seekbackward: (details) => player.seek(player.audio.currentTime - (details.seekOffset ?? 10)),
    seekforward: (details) => player.seek(player.audio.currentTime + (details.seekOffset ?? 10)),
  };
  for (const [action, act] of Object.entries(acts)) session.setActionHandler(action, act);
  player.addEventListener("change", () => show(session));
  player.addEventListener("time", () => place(session));
}

function show(session) {
  const song = player.song;
  session.playbackState = song ? (player.isPlaying ? "playing" : "paused") : "none";
  if (!song || session.metadata?.simsong === song.id) return;
  const artwork = [{ src: new URL(coverOf("songs", song.id), location.href).href }];
  session.metadata = new MediaMetadata({ title: song.title, artist: song.artist, album: song.album ?? "", artwork });
  session.metadata.simsong = song.id;
}

function place(session) {
  const duration = player.duration;
  if (!player.song || !(duration > 0)) return;
  session.setPositionState({ duration, position: Math.min(player.audio.currentTime, duration), playbackRate: player.audio.playbackRate });
}
