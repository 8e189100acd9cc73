"""What one file of a music folder is: its row of the library_files frame, but for names by its path and `reading`.

`python -m simsong_pipeline.sources.library.recording` answers each state that comes by standard input, a JSON list a
line, with a row in the same form; `readers` runs several of these.
"""

import json
import signal
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from simsong_pipeline.errors import AudioError, first_line, unread
from simsong_pipeline.sources.encodings import UndecodableError, mended
from simsong_pipeline.sources.library.file_states import ONLY_LYRICS, UNOPENED, FileState, Row, unusable
from simsong_pipeline.sources.library.identity import encoded_audio, track_id_of
from simsong_pipeline.sources.library.lyric_files import LyricsError, find_lyric_file, read_lyric_file
from simsong_pipeline.sources.library.tags import Tags, read_tags
from simsong_pipeline.sources.limits import LYRICS_BYTES, MEMORY_BYTES, MIB, cut, limit_memory

# Whence lyrics are. One that has no lyrics all the same has a reason.
BESIDE, EMBEDDED = "side-car file", "tags"
_UNTAGGED = "its tags cannot be read"
# Damaged tags make their readers raise all of these.
_DAMAGED = (AudioError, ValueError, LookupError, TypeError, ArithmeticError, struct.error)


def row_of(state: FileState) -> Row:
    """Open the file and describe it; one that cannot be used is a row with its reason."""
    path, size, *_ = state
    file = Path(path)
    if size in UNOPENED:
        return unusable(state, UNOPENED[size])
    try:
        audio = encoded_audio(file)
        tags, untagged = _tags(file)
        lyrics, provider, unread_lyrics = _lyrics(file, tags)
    except (AudioError, ValueError) as error:
        return unusable(state, first_line(error))
    except (OSError, MemoryError) as error:
        return unusable(state, unread(error))
    length = audio.duration_s or tags.duration_s
    described = (*_names(tags), tags.year, length, lyrics, provider, tags.cover)
    return (*state, track_id_of(audio.digest), *described, "ok", _joined(untagged, unread_lyrics))


def lyrics_of(state: FileState) -> Row:
    """As `row_of`, of a recording that is known: for its lyrics and tags, without reading its audio."""
    path, size, *_ = state
    file = Path(path)
    if size in UNOPENED:
        return unusable(state, UNOPENED[size])
    try:
        tags, untagged = _tags(file)
    except (OSError, MemoryError) as error:
        return unusable(state, unread(error))
    lyrics, provider, unread_lyrics = _lyrics(file, tags)
    described = (*_names(tags), tags.year, tags.duration_s)
    return (*state, None, *described, lyrics, provider, tags.cover, "ok", _joined(untagged, unread_lyrics))


def _names(tags: Tags) -> tuple[str | None, ...]:
    return tuple(cut(name) for name in (tags.artist, tags.title, tags.release, tags.genre))


def _joined(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


def _tags(file: Path) -> tuple[Tags, str | None]:
    """The tags, and why they could not be read where they could not: what plays is used all the same."""
    try:
        return read_tags(file), None
    except MemoryError:
        note = f"its tags cannot be read (they unpack to more than {MEMORY_BYTES // MIB} MB)"
    except _DAMAGED as error:
        note = first_line(error)
    return Tags(None, None, None, None, None, None, None, False), note if "tags" in note else f"{_UNTAGGED} ({note})"


def _lyrics(file: Path, tags: Tags) -> tuple[str | None, str | None, str | None]:
    """Text, provider and what was wrong: from the side-car file, which a person put there, else from the tags."""
    beside, provider, note = find_lyric_file(file), None, None
    if beside is not None:
        try:
            if text := read_lyric_file(beside):
                return text, BESIDE, None
        except LyricsError as error:
            provider, note = BESIDE, first_line(error)
    if tags.lyrics and len(tags.lyrics) > LYRICS_BYTES:
        return (
            None,
            provider or EMBEDDED,
            note or f"the lyrics in its tags are left out ({len(tags.lyrics):,} characters)",
        )
    if tags.lyrics:
        try:
            return mended(tags.lyrics.replace("\0", "\n").strip()), EMBEDDED, note
        except UndecodableError as error:
            provider, note = provider or EMBEDDED, note or f"the lyrics in its tags are left out ({error})"
    return None, provider, note


def answer(states: Iterable[str], rows: IO[str], describe: Callable[[FileState], Row] = row_of) -> None:
    """Describe file after file until there are no more."""
    for line in states:
        path, size, modified, lyrics = json.loads(line)
        print(json.dumps(describe((path, size, modified, lyrics))), file=rows, flush=True)


if __name__ == "__main__":
    # A Ctrl-C is for the process that asks; when it ends, so does standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_memory()
    answer(sys.stdin, sys.stdout, lyrics_of if ONLY_LYRICS in sys.argv else row_of)
