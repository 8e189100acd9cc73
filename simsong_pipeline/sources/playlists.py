"""Playlists as players write them: which songs a person put together."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.sources import m3u, pls, xml_playlists
from simsong_pipeline.sources.encodings import readings
from simsong_pipeline.sources.limits import LIST_BYTES, PATH_CHARACTERS, TooLargeError, bounded_bytes
from simsong_pipeline.sources.music_folders import files_below
from simsong_pipeline.sources.path_spelling import FileFinder, is_elsewhere

SUFFIXES = m3u.SUFFIXES | pls.SUFFIXES | xml_playlists.SUFFIXES


@dataclass(frozen=True)
class Playlist:
    """A playlist's name and its entries as absolute paths, in order; streams and other addresses are left out."""

    name: str
    paths: list[Path]


def read_playlists(folder: Path, note: Callable[[str], None]) -> list[Playlist]:
    """All playlists below a folder, or the one file, by path; those that SimSong wrote are passed over.

    Args:
        note: told of each list of a folder that cannot be read, which costs that list alone.

    Raises:
        RawDataError: no such folder, or no playlist of a person in it, or none that can be read.
    """
    if folder.is_file():
        found = [folder]
    elif not folder.is_dir():
        raise RawDataError(f"no such playlist or folder of playlists: {folder}")
    else:
        found = files_below(folder, SUFFIXES)
    if not found:
        raise RawDataError(f"no playlist ({', '.join(sorted(SUFFIXES))}) below {folder}")
    theirs = [path for path in found if not _is_own(path)]
    if not theirs:
        raise RawDataError(f"all playlists of {folder} are SimSong's own, and say nothing of what belongs together")
    lists, unread = [], []
    for path in theirs:
        try:
            lists.append(read_playlist(path))
        except RawDataError as error:
            unread.append(error)
    if not lists:
        raise unread[0]
    for bad in unread:
        note(f"{bad}; it is left out")
    return lists


def _is_own(path: Path) -> bool:
    """Whether SimSong wrote a playlist; also where a player wrote it anew, and kept remarks."""
    try:
        with path.open("rb") as handle:
            return m3u.OWN_REMARK.encode() in handle.read(4_096)
    except OSError:
        return False  # whoever reads it says so


def read_playlist(path: Path) -> Playlist:
    """One playlist, in any encoding: of those that are possible the one in which most of its files are there.

    An entry is taken as written, or, where no such file is there, as players on other systems write it
    (`path_spelling`). One that is nowhere keeps the place where it should be.

    Raises:
        RawDataError: the file cannot be read.
    """
    try:
        content = bounded_bytes(path, LIST_BYTES)
    except TooLargeError as error:
        raise RawDataError(f"playlist {path} cannot be read ({error})") from error
    except OSError as error:
        raise RawDataError(f"playlist {path} cannot be read ({error.strerror})") from error
    finder = FileFinder([path.resolve().parent])
    best, most = [], -1
    for text in readings(content):
        entries = _entries(text, path)
        found = [(entry, finder.find(entry)) for entry in entries]
        there = sum(file is not None for _, file in found)
        if there > most:
            best, most = found, there
        if there == len(entries):
            break
    located = [_located(finder.expected(entry) if file is None else file) for entry, file in best]
    return Playlist(path.stem, [p for p in located if p is not None])


def _entries(text: str, path: Path) -> list[str]:
    """By what the list is, which its beginning shows, not its suffix."""
    try:
        if xml_playlists.is_xml(text):
            found = xml_playlists.entries_of_xml(text)
        else:
            found = pls.entries_of_pls(text) if pls.is_pls(text) else m3u.entries_of_m3u(text)
    except RawDataError as error:
        raise RawDataError(f"playlist {path} cannot be read ({error})") from error
    return [entry for entry in found if len(entry) <= PATH_CHARACTERS and not is_elsewhere(entry)]


def _located(place: Path) -> Path | None:
    """Where it really lies; null for what is no path at all."""
    try:
        return place.resolve()
    except (ValueError, OSError, RuntimeError):
        return None
