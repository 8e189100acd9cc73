"""Playlists in M3U form: one entry a line, relative to the playlist's own folder."""

import os
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import write_bytes
from simsong_pipeline.sources.library.lyric_files import decoded

SUFFIXES = (".m3u", ".m3u8")
# A remark in the lists that SimSong writes itself: what it recommended is no evidence of what belongs together.
_OWN = "#SIMSONG: recommended, no evidence of what belongs together"


@dataclass(frozen=True)
class Playlist:
    """A playlist's name and its entries as absolute paths, in order; streams and other addresses are left out."""

    name: str
    paths: list[Path]


def read_playlists(folder: Path) -> list[Playlist]:
    """All playlists below a folder, or the one file, by path; those that SimSong wrote are passed over.

    Raises:
        RawDataError: no such folder, or no playlist of a person in it.
    """
    if folder.is_file():
        found = [folder]
    elif not folder.is_dir():
        raise RawDataError(f"no such playlist or folder of playlists: {folder}")
    else:
        found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise RawDataError(f"no playlist ({' or '.join(SUFFIXES)}) below {folder}")
    theirs = [path for path in found if not _is_own(path)]
    if not theirs:
        raise RawDataError(f"all playlists of {folder} are SimSong's own, and say nothing of what belongs together")
    return [read_playlist(path) for path in theirs]


def _is_own(path: Path) -> bool:
    """Whether SimSong wrote a playlist; also where a player wrote it anew, and kept remarks."""
    try:
        with path.open("rb") as handle:
            return _OWN.encode() in handle.read(4_096)
    except OSError:
        return False  # whoever reads it says so


def read_playlist(path: Path) -> Playlist:
    """One playlist, in UTF-8, UTF-16 or, as older players write `.m3u`, Latin-1.

    Raises:
        RawDataError: the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RawDataError(f"playlist {path} cannot be read ({error.strerror})") from error
    text = decoded(content)
    folder = path.resolve().parent
    entries = [line.strip() for line in text.splitlines()]
    located = [_located(entry, folder) for entry in entries if entry and not entry.startswith("#")]
    return Playlist(path.stem, [p for p in located if p is not None])


@dataclass(frozen=True)
class Entry:
    """A song of a playlist to write; seconds are null where unknown."""

    path: Path
    name: str
    seconds: float | None


def write_playlist(path: Path, entries: list[Entry]) -> None:
    """Write an extended M3U8, in UTF-8, with paths relative to its folder where they lie below the same root.

    An entry is one line without blanks at its ends, and a path in it cannot be escaped. A file whose name does not fit
    is written as a `file://` address, a form that VLC writes itself and that `read_playlist` takes.
    """
    lines = ["#EXTM3U", _OWN]
    for entry in entries:
        title = " ".join(entry.name.split())
        lines += [
            f"#EXTINF:{-1 if entry.seconds is None else round(entry.seconds)},{title}",
            _relative(entry.path, path),
        ]
    write_bytes(path, ("\n".join(lines) + "\n").encode())


def _relative(song: Path, playlist: Path) -> str:
    # Without links, because '..' leads out of where a folder really lies.
    folder = playlist.parent.resolve()
    try:
        name = os.path.relpath(song.absolute(), folder)
    except ValueError:  # another drive
        name = str(song.absolute())
    if name.strip().splitlines() != [name]:
        return song.absolute().as_uri()
    # A name that begins like a remark would be read as one.
    return f"./{name}" if name.startswith("#") else name


def _located(entry: str, folder: Path) -> Path | None:
    """The file that an entry names; null for a stream and for what is no path at all."""
    if "://" in entry:
        scheme, _, rest = entry.partition("://")
        if scheme.lower() != "file":
            return None
        # Not by a parser of addresses: '#' and '?' are part of a file's name as players write it.
        entry = unquote(rest.removeprefix("localhost"))
    # A playlist written on Windows separates folders by backslashes; a name rarely holds one.
    name = entry if "\\" not in entry else PureWindowsPath(entry).as_posix()
    try:
        return (folder / name).resolve()
    except (ValueError, OSError, RuntimeError):
        return None
