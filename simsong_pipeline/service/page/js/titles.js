// The window's title: what plays, else what is shown.

let shown = "";
let playing = "";

export function showTitle(title) {
  shown = title;
  write();
}

/** A song, or null. */
export function playTitle(song) {
  playing = song ? `${song.title} · ${song.artist}` : "";
  write();
}

function write() {
  document.title = playing || (shown ? `${shown} · SimSong` : "SimSong");
}
