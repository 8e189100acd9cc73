"""What a recording says of itself: ID3, Vorbis comments and MP4 atoms through mutagen, as one record."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
from mutagen.id3 import SYLT, USLT
from mutagen.mp4 import MP4Tags

from simsong_pipeline.errors import AudioError
from simsong_pipeline.sources.library.lyric_files import without_times
from simsong_pipeline.sources.library.tagged_file import open_tagged

# The same field under the names that ID3, Vorbis comments and MP4 have for it.
_NAMES = {
    "artist": ("TPE1", "artist", "\xa9ART"),
    "album_artist": ("TPE2", "albumartist", "album artist", "aART"),
    "title": ("TIT2", "title", "\xa9nam"),
    "release": ("TALB", "album", "\xa9alb"),
    "genre": ("TCON", "genre", "\xa9gen"),
    "date": ("TDRC", "TYER", "TDOR", "date", "year", "originaldate", "\xa9day"),
    "lyrics": ("lyrics", "unsyncedlyrics", "unsynced lyrics", "\xa9lyr"),
}
_PICTURES = ("APIC", "metadata_block_picture", "coverart", "covr")


@dataclass(frozen=True)
class Tags:
    """Null where the file does not say. `lyrics` are plain lines; `cover` says whether a picture is embedded."""

    artist: str | None
    title: str | None
    release: str | None
    genre: str | None
    year: int | None
    duration_s: float | None
    lyrics: str | None
    cover: bool


def read_tags(path: Path) -> Tags:
    """The tags of a recording.

    Raises:
        AudioError: a damaged header.
        OSError: the file cannot be read.
    """
    try:
        file = open_tagged(path)
    except mutagen.MutagenError as error:
        if isinstance(error.__cause__ or error.__context__, OSError):
            raise OSError(str(error)) from error
        raise AudioError(f"its tags cannot be read ({error})") from error
    if file is None:  # a container without tags that mutagen knows, webm say
        return Tags(None, None, None, None, None, None, None, False)
    tags: Mapping[str, Any] = file.tags if file.tags is not None else {}
    length = getattr(file.info, "length", None)
    return Tags(
        artist=_text(tags, "artist") or _text(tags, "album_artist"),
        title=_text(tags, "title"),
        release=_text(tags, "release"),
        genre=_text(tags, "genre"),
        year=_year(_text(tags, "date")),
        duration_s=float(length) if length else None,
        lyrics=_lyrics(tags),
        cover=_has_cover(file, tags),
    )


def _text(tags: Mapping[str, Any], field: str) -> str | None:
    for name in _NAMES[field]:
        value = _get(tags, name)
        text = _first(value)
        if text:
            return text
    return None


def _get(tags: Mapping[str, Any], name: str) -> Any:
    try:
        return tags.get(name)
    except (KeyError, ValueError):  # mutagen refuses a key that the tag's form cannot have
        return None


def _first(value: Any) -> str | None:
    """The first non-blank text of a frame, a list, or a text; ID3 separates several by a null character."""
    found = getattr(value, "text", value)
    items: Sequence[Any] = found if isinstance(found, list | tuple) else [] if found is None else [found]
    texts = [part.strip() for item in items for part in str(item).split("\x00")]
    return next((text for text in texts if text), None)


def _year(date: str | None) -> int | None:
    match = re.search(r"\b(1[89]\d\d|20\d\d)\b", date or "")
    return int(match[1]) if match else None


def _lyrics(tags: Mapping[str, Any]) -> str | None:
    """USLT, else SYLT without its times, else a Vorbis comment or MP4 atom."""
    frames = [] if isinstance(tags, MP4Tags) else [v for v in getattr(tags, "values", list)()]
    for frame in frames:
        plain = str(getattr(frame, "text", "")) if isinstance(frame, USLT) else ""
        if plain.strip():
            return without_times(plain)
    for frame in frames:
        timed: list[tuple[str, int]] = getattr(frame, "text", []) if isinstance(frame, SYLT) else []
        if timed:
            return without_times("".join(_line(text) for text, _ in timed))
    text = _text(tags, "lyrics")
    return without_times(text) if text else None


def _line(text: str) -> str:
    """A synchronised part: a line of its own unless it marks its own breaks."""
    return text if "\n" in text else f"{text}\n"


def _has_cover(file: Any, tags: Mapping[str, Any]) -> bool:
    if getattr(file, "pictures", None):
        return True
    return any(str(key).split(":")[0] in _PICTURES for key in tags)
