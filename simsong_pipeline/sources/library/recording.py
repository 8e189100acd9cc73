"""What one file of a music folder is: its row of the library_files frame.

`python -m simsong_pipeline.sources.library.recording` answers each state that comes by standard input, a JSON list a
line, with a row in the same form; `readers` runs several of these.
"""

import json
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from simsong_pipeline.errors import UNREAD, AudioError, first_line, unread
from simsong_pipeline.sources.library.identity import encoded_audio, track_id_of
from simsong_pipeline.sources.library.lyric_files import find_lyric_file, read_lyric_file
from simsong_pipeline.sources.library.path_names import named_by_path
from simsong_pipeline.sources.library.tags import Tags, read_tags

CRASHED = "opening it brought down the process that did"
# How reasons begin that may have passed by the next scan.
PASSING = (UNREAD, CRASHED)
# Path, size in bytes, time of change in ns, that of the lyrics beside it.
FileState = tuple[str, int, int, int]
Row = tuple[object, ...]
# In place of a size.
GONE, MISNAMED, FORBIDDEN = -1, -2, -3
_UNTAGGED = "its tags cannot be read"
# Damaged tags make their readers raise all of these.
_DAMAGED = (AudioError, ValueError, LookupError, TypeError, ArithmeticError, struct.error)
_UNOPENED = {
    0: "file is empty",
    GONE: "a link that leads nowhere, or a file that may not be read",
    MISNAMED: "its name is not UTF-8: rename it",
    FORBIDDEN: "a folder that may not be listed: check its permissions",
}


def row_of(state: FileState) -> Row:
    """Open the file and describe it; one that cannot be used is a row with its reason."""
    path, size, *_ = state
    file = Path(path)
    if size in _UNOPENED:
        return unusable(state, _UNOPENED[size])
    try:
        audio = encoded_audio(file)
        tags, note = _tags(file)
        lyrics, provider = _lyrics(file, tags)
    except (AudioError, ValueError) as error:
        return unusable(state, first_line(error))
    except (OSError, MemoryError) as error:
        return unusable(state, unread(error))
    named = named_by_path(file)
    described = (
        tags.artist or named.artist,
        tags.title or named.title,
        tags.release or named.release,
        tags.genre,
        tags.year,
        audio.duration_s or tags.duration_s,
    )
    return (*state, track_id_of(audio.digest), *described, lyrics, provider, tags.cover, "ok", note)


def _tags(file: Path) -> tuple[Tags, str | None]:
    """The tags, and why they could not be read where they could not: what plays is used all the same."""
    try:
        return read_tags(file), None
    except _DAMAGED as error:
        note = first_line(error)
    return Tags(None, None, None, None, None, None, None, False), note if "tags" in note else f"{_UNTAGGED} ({note})"


def unusable(state: FileState, reason: str) -> Row:
    """The row of a file that is left out."""
    return (*state, *[None] * 10, "invalid", reason)


def _lyrics(file: Path, tags: Tags) -> tuple[str | None, str | None]:
    """From the side-car file, which a person put there, else from the tags."""
    beside = find_lyric_file(file)
    text = read_lyric_file(beside) if beside is not None else None
    if text:
        return text, "side-car file"
    return (tags.lyrics, "tags") if tags.lyrics else (None, None)


def answer(states: Iterable[str], rows: IO[str]) -> None:
    """Describe file after file until there are no more."""
    for line in states:
        path, size, modified, lyrics = json.loads(line)
        print(json.dumps(row_of((path, size, modified, lyrics))), file=rows, flush=True)


if __name__ == "__main__":
    # A Ctrl-C is for the process that asks; when it ends, so does standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer(sys.stdin, sys.stdout)
