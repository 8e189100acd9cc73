"""Lyrics beside a recording: `song.lrc`, `song.txt` or `song.mp3.lrc`, in whatever encoding they were saved."""

import os
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from simsong_pipeline.errors import unread
from simsong_pipeline.sources.encodings import UndecodableError, decoded
from simsong_pipeline.sources.library.lrc import without_times
from simsong_pipeline.sources.limits import LYRICS_BYTES, TooLargeError, bounded_bytes

LYRIC_SUFFIXES = (".lrc", ".txt")


class LyricsError(Exception):
    """A lyrics file that cannot be used; the recording can."""


class LyricNames:
    """The lyrics files of a folder, found by the names of recordings whatever the case of their suffix.

    Args:
        names: of all files of the folder; hidden ones and those that are no lyrics are passed over.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_owner: dict[str, list[str]] = {}
        for name in names:
            if name[-4:].lower() in LYRIC_SUFFIXES and not name.startswith("."):
                own = os.path.splitext(name)[0]
                self._by_owner.setdefault(_plain(own), []).append(name)

    def of(self, recording: str) -> str | None:
        """`.lrc` before `.txt`, the recording's stem before its whole name, then the one that is spelled like it."""
        if not self._by_owner:
            return None
        stem = os.path.splitext(recording)[0]
        ranked = [
            (LYRIC_SUFFIXES.index(suffix.lower()), order, spelled != own, name)
            for order, own in enumerate((stem, recording))
            for name in self._by_owner.get(_plain(own), ())
            for spelled, suffix in (os.path.splitext(name),)
        ]
        return min(ranked)[-1] if ranked else None


def find_lyric_file(recording: Path) -> Path | None:
    """The side-car file of a recording."""
    try:
        changed = recording.parent.stat().st_mtime_ns
    except OSError:
        return None
    name = _lyric_names(str(recording.parent), changed).of(recording.name)
    return None if name is None else recording.parent / name


@lru_cache(maxsize=64)
def _lyric_names(folder: str, _changed_ns: int) -> LyricNames:
    """Listed once for as long as the folder does not change."""
    try:
        return LyricNames(os.listdir(folder))
    except OSError:
        return LyricNames(())


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def read_lyric_file(path: Path) -> str:
    """Its words, without time stamps, headers and credits.

    Raises:
        LyricsError: it cannot be read, or is no text in an encoding that is known.
    """
    try:
        return without_times(decoded(bounded_bytes(path, LYRICS_BYTES)))
    except (UndecodableError, TooLargeError) as error:
        raise LyricsError(f"its lyrics {path.name} are left out ({error})") from error
    except (OSError, MemoryError) as error:
        raise LyricsError(f"{unread(error)}: its lyrics {path.name}") from error
