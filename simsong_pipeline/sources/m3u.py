"""Playlists in M3U form: one entry a line, relative to the playlist's own folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.files import write_bytes
from simsong_pipeline.sources.encodings import lines_of

SUFFIXES = frozenset({".m3u", ".m3u8"})
# A remark in the lists that SimSong writes itself: what it recommended is no evidence of what belongs together.
OWN_REMARK = "#SIMSONG: recommended, no evidence of what belongs together"


def entries_of_m3u(text: str) -> list[str]:
    """The lines that are no remarks."""
    lines = [line.strip(" \t") for line in lines_of(text)]
    return [line for line in lines if line and line[0] != "#"]


@dataclass(frozen=True)
class Entry:
    """A song of a playlist to write; seconds are null where unknown."""

    path: Path
    name: str
    seconds: float | None


def write_playlist(path: Path, entries: list[Entry]) -> None:
    """Write an extended M3U8, in UTF-8, with paths relative to its folder where they lie below the same root."""
    write_bytes(path, playlist_text(entries, path).encode())


def playlist_text(entries: list[Entry], path: Path | None, recommended: bool = True) -> str:
    """An extended M3U8.

    An entry is one line without blanks at its ends, and a path in it cannot be escaped. A file whose name does not fit
    is written as a `file://` address, a form that VLC writes itself and that `read_playlist` takes.

    Args:
        path: where it will lie, which paths are relative to; whole paths where null.
        recommended: by SimSong, not chosen by a person.
    """
    lines = ["#EXTM3U", *([OWN_REMARK] if recommended else [])]
    for entry in entries:
        title = " ".join(entry.name.split())
        lines += [
            f"#EXTINF:{-1 if entry.seconds is None else round(entry.seconds)},{title}",
            _line(str(entry.path.absolute()) if path is None else _relative(entry.path, path), entry.path),
        ]
    return "\n".join(lines) + "\n"


def _relative(song: Path, playlist: Path) -> str:
    # Without links, because '..' leads out of where a folder really lies.
    folder = playlist.parent.resolve()
    try:
        return os.path.relpath(song.absolute(), folder)
    except ValueError:  # another drive
        return str(song.absolute())


def _line(name: str, song: Path) -> str:
    if name.strip().splitlines() != [name]:
        return song.absolute().as_uri()
    # A name that begins like a remark would be read as one.
    return f"./{name}" if name.startswith("#") else name
