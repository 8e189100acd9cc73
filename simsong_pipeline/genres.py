"""Genres as tags and lists write them: several in a field, by number, in any case."""

import re
from collections.abc import Iterable, Mapping

from simsong_pipeline.names import plain

_SEPARATORS = re.compile(r"\x00|\\\\|[;/|,]")
# (17)(4)Eurodisco: numbers of ID3's list before a text; a text that begins with a bracket has it twice.
_NUMBERED = re.compile(r"^\((\d{1,3}|RX|CR)\)")
_LETTERED = {"RX": "Remix", "CR": "Cover"}


def genres_of(texts: Iterable[str | None]) -> list[str]:
    """The genres in some fields, each once whatever its case, spelt as where it comes first."""
    found: dict[str, str] = {}
    for text in texts:
        for genre in _split(text or ""):
            found.setdefault(genre_key(genre), genre)
    return [genre for key, genre in found.items() if key]


def genre_key(genre: str) -> str:
    """The form in which "Hip-Hop" and "hip hop" are one."""
    return plain(genre)


def _split(text: str) -> list[str]:
    parts = []
    for part in _SEPARATORS.split(text):
        rest = part.strip()
        while match := _NUMBERED.match(rest):
            parts.append(_numbered(match[1]))
            rest = rest[match.end() :].strip()
        # "Folk, World, & Country" is a genre of Discogs.
        parts.append(_numbered(rest.removeprefix("(" if rest.startswith("((") else "").removeprefix("& ").strip()))
    return [part for part in parts if part]


def _numbered(text: str) -> str:
    """The name for a number of ID3's list; blank beyond it; any other text as it is."""
    if text in _LETTERED:
        return _LETTERED[text]
    if not re.fullmatch(r"\d{1,3}", text):
        return text
    from mutagen.id3 import TCON  # not before: few genres are numbers

    return TCON.GENRES[int(text)] if int(text) < len(TCON.GENRES) else ""


def commonest(counts: Mapping[str, int]) -> dict[str, str]:
    """By key the spelling that most have; of equally many the first by alphabet.

    Args:
        counts: how many have each spelling.
    """
    found: dict[str, str] = {}
    for genre, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        found.setdefault(genre_key(genre), genre)
    return found
