"""What one file of a music folder is: its row of the library_files frame, but for names by its path and `reading`.

`python -m simsong_pipeline.sources.library.recording` answers each state that comes by standard input, a JSON list a
line, with a row in the same form; `readers` runs several of these.
"""

import json
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from simsong_pipeline.errors import UNREAD, AudioError, first_line, unread
from simsong_pipeline.sources.library.identity import audio_hash, track_id_of
from simsong_pipeline.sources.library.lyric_files import find_lyric_file, read_lyric_file
from simsong_pipeline.sources.library.tags import Tags, read_tags

CRASHED = "opening it brought down the process that did"
# How reasons begin that may have passed by the next scan.
PASSING = (UNREAD, CRASHED)
# Path, size in bytes, time of change in ns, that of the lyrics beside it.
FileState = tuple[str, int, int, int]
Row = tuple[object, ...]
# In place of a size.
GONE, MISNAMED, FORBIDDEN = -1, -2, -3
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
        digest = audio_hash(file)
        tags = read_tags(file)
        lyrics, provider = _lyrics(file, tags)
    except (AudioError, ValueError) as error:  # tag readers raise ValueErrors of many kinds at damaged text
        return unusable(state, first_line(error))
    except (OSError, MemoryError) as error:
        return unusable(state, unread(error))
    described = (tags.artist, tags.title, tags.release, tags.genre, tags.year, tags.duration_s)
    return (*state, track_id_of(digest), *described, lyrics, provider, tags.cover, "ok", None)


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
