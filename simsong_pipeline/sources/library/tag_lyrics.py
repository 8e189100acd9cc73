"""Lyrics in tags: plain, in LRC form, or in the synchronised blocks of ID3."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from mutagen.id3 import ID3

from simsong_pipeline.sources.library.lrc import without_times
from simsong_pipeline.sources.library.tag_fields import Fields

_PLAIN = ("unsyncedlyrics", "unsynced lyrics", "lyrics", "\xa9lyr", "uslt", "wm/lyrics")
_TIMED = ("syncedlyrics", "synced lyrics", "sylt", "wm/lyrics_synchronised")
# What a SYLT frame holds: other, lyrics or a transcription; the rest are chords, events, trivia and links.
_WORDS = (0, 1, 2)
_LONG_PAUSE_MS = 1_500


def lyrics_in(tags: Any, fields: Fields) -> str | None:
    """The first lyrics that are not blank: of USLT, of SYLT, of a text by one of many names."""
    is_id3 = isinstance(tags, ID3)
    frames: list[Any] = [*tags.getall("USLT"), *tags.getall("SYLT")] if is_id3 else []
    plain = [str(frame.text) for frame in frames if frame.FrameID == "USLT"]
    timed = [_joined(frame.text) for frame in frames if frame.FrameID == "SYLT" and int(frame.type) in _WORDS]
    named = [text for names in (_PLAIN, _TIMED) for name in names for text in _named(fields, name)]
    for text in (*plain, *timed, *named):
        lyrics = without_times(text)
        if lyrics:
            return lyrics
    return None


def _named(fields: Fields, name: str) -> list[str]:
    """Texts by a name, alone or with a language behind it: "lyrics-eng"."""
    spelled = [key for key in fields if key == name or key.startswith((f"{name}-", f"{name}:"))]
    return [text for key in spelled for text in fields[key]]


def _joined(blocks: Sequence[tuple[str, int]]) -> str:
    """Synchronised blocks as lines.

    By the standard a block is a syllable, a word or a line, and a line break stands where one is. Without any breaks
    blocks are lines, unless blanks at their ends show that they are parts of words: then a long pause ends a line.
    """
    texts = [text.replace("\r\n", "\n").replace("\r", "\n") for text, _ in blocks]
    if any("\n" in text for text in texts):
        return "".join(texts)
    if not _is_by_syllable(texts):
        return "\n".join(texts)
    times = [time for _, time in blocks]
    pauses = [0, *(after - before for before, after in pairwise(times))]
    return "".join("\n" + text if pause > _LONG_PAUSE_MS else text for text, pause in zip(texts, pauses, strict=True))


def _is_by_syllable(texts: Sequence[str]) -> bool:
    """Most blocks hold no more than a word, and some begin or end with the blank between two."""
    short = sum(len(text.split()) <= 1 for text in texts)
    spaced = any(text != text.rstrip() for text in texts[:-1]) or any(text != text.lstrip() for text in texts[1:])
    return spaced and 2 * short > len(texts)
