"""Playlists in XML: XSPF, as VLC and Strawberry write it, and WPL and ZPL, as Windows' players do.

Read by expat as a stream, without a tree. A list that declares entities is refused, for no player does: they are a way
to make a small file unpack to a large one, or to name another file. Nothing is ever fetched.
"""

import re
from xml.parsers import expat

from simsong_pipeline.errors import RawDataError

SUFFIXES = frozenset({".xspf", ".wpl", ".zpl"})
_BEGIN = re.compile(r"\s*(?:<\?(?:xml|wpl|zpl)\b|<!--|<!DOCTYPE\b|<(?:[\w.-]+:)?(?:playlist|smil)\b)", re.IGNORECASE)
# What the file says of its encoding was followed, or found wrong, when it became text.
_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]*\?>", re.IGNORECASE)


def is_xml(text: str) -> bool:
    """Whether the text begins as such a list does, whatever its file's suffix."""
    return _BEGIN.match(text) is not None


def entries_of_xml(text: str) -> list[str]:
    """The first location of each track, and the source of each medium, in order.

    Raises:
        RawDataError: it is not well-formed, or declares entities.
    """
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = reader.entity
    try:
        parser.Parse(_DECLARATION.sub("", text).lstrip().encode("utf-8", errors="replace"), True)
    except expat.ExpatError as error:
        raise RawDataError(f"not well-formed XML: {error}") from error
    return [entry for entry in reader.entries if entry]


class _Reader:
    """Collects entries while the parser goes through the list."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        # Of the track that is being read; the list itself may have a location too, which is no song.
        self._has_location = True
        self._written: list[str] | None = None

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        tag = _bare(name)
        if tag == "track":
            self._has_location = False
        elif tag == "location" and not self._has_location:
            self._has_location, self._written = True, []
        elif tag == "media":
            self.entries.append(attributes.get("src", "").strip())

    def end(self, name: str) -> None:
        if _bare(name) == "location" and self._written is not None:
            self.entries.append("".join(self._written).strip())
            self._written = None
        elif _bare(name) == "track":
            self._has_location = True

    def text(self, piece: str) -> None:
        if self._written is not None:
            self._written.append(piece)

    def entity(self, name: str, *_: object) -> None:
        raise RawDataError(f"it declares an entity ({name}), which no player does")


def _bare(name: str) -> str:
    """The name without its prefix, in small letters."""
    return name.rpartition(":")[2].lower()
