"""Playlists in PLS form, as Winamp and radio stations write them: File1=…, Title1=…, Length1=…, in any order."""

import re

from simsong_pipeline.sources.encodings import lines_of

SUFFIXES = frozenset({".pls"})
# On a line of its own, perhaps after remarks.
_SECTION = re.compile(r"(?:\s*;[^\r\n]*[\r\n])*\s*\[playlist\][^\S\r\n]*(?:[\r\n]|\Z)", re.IGNORECASE)
_FILE = re.compile(r"^\s*file(\d{1,9})\s*=\s*(.*?)\s*$", re.IGNORECASE)


def is_pls(text: str) -> bool:
    """Whether the text begins as such a list does, whatever its file's suffix."""
    return _SECTION.match(text) is not None


def entries_of_pls(text: str) -> list[str]:
    """The files by their numbers, which say the order, not the lines."""
    found = [match for line in lines_of(text) if (match := _FILE.match(line))]
    return [match[2] for match in sorted(found, key=lambda match: int(match[1])) if match[2]]
