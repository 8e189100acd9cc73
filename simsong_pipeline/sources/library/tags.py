"""What a recording says of itself: tags of every form as one record."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
from mutagen.id3 import ID3

from simsong_pipeline.credits import first_known
from simsong_pipeline.errors import AudioError
from simsong_pipeline.genres import genres_of
from simsong_pipeline.sources.library.tag_fields import (
    PICTURES,
    Fields,
    beside_id3,
    container_fields,
    dates_as_written,
    fields_of,
)
from simsong_pipeline.sources.library.tag_lyrics import lyrics_in
from simsong_pipeline.sources.library.tagged_file import open_tagged
from simsong_pipeline.years import year_of

# The same field under the names that ID3, Vorbis comments, MP4, APEv2, ASF, RIFF and Matroska have for it.
_NAMES = {
    "artist": ("tpe1", "artist", "\xa9art", "author"),
    "artists": ("artists",),
    "album_artist": ("tpe2", "albumartist", "album artist", "album_artist", "aart", "wm/albumartist"),
    "title": ("tit2", "title", "\xa9nam"),
    "release": ("talb", "album", "\xa9alb", "wm/albumtitle"),
    "genre": ("tcon", "genre", "\xa9gen", "wm/genre"),
    "date": (
        *("tdrc", "tyer", "date", "\xa9day", "year", "wm/year", "record date", "date_recorded"),
        *("originaldate", "originalyear", "original year", "tdor", "tory", "wm/originalreleaseyear"),
        *("tdrl", "releasedate", "date_released"),
    ),
    "compilation": ("tcmp", "cpil", "compilation", "itunescompilation", "wm/iscompilation"),
}
# Between several artists or genres of one recording; `credits` and `genres` take them apart.
_SEVERAL = "; "


@dataclass(frozen=True)
class Tags:
    """Null where the file does not say. `lyrics` are plain lines; `cover` says whether a picture is embedded.

    Several artists, and several genres, are joined by "; ".
    """

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
    return tags_of(file, path)


def tags_of(file: Any, path: Path) -> Tags:
    """The tags of a file as mutagen opened it; null where mutagen does not know the container, WebM say."""
    tags = None if file is None else file.tags
    fields = _filled(fields_of(tags), beside_id3(file, path))
    if not (_texts(fields, "artist") and _texts(fields, "title")):
        fields = _filled(fields, container_fields(path))
    length = getattr(getattr(file, "info", None), "length", None)
    return Tags(
        artist=_artist(fields),
        title=next(iter(_texts(fields, "title")), None),
        release=next(iter(_texts(fields, "release")), None),
        genre=_SEVERAL.join(genres_of(_texts(fields, "genre"))) or None,
        year=_year(tags, fields, path),
        duration_s=float(length) if length else None,
        lyrics=lyrics_in(tags, fields),
        cover=_has_cover(file, tags),
    )


def _filled(fields: Fields, others: Fields) -> Fields:
    """The fields, and of the others what these lack."""
    return {name: fields.get(name) or others.get(name, []) for name in {**fields, **others}}


def _texts(fields: Fields, field: str) -> list[str]:
    return [text for name in _NAMES[field] for text in fields.get(name, [])]


def _artist(fields: Fields) -> str | None:
    """All artists of the recording, else the album's; that of a compilation says nothing of its songs."""
    several = fields.get("artists", [])
    songs = several if len(several) > 1 else next((fields[n] for n in _NAMES["artist"] if fields.get(n)), several)
    album = [] if _is_compilation(fields) else _texts(fields, "album_artist")[:1]
    return first_known(_SEVERAL.join(dict.fromkeys(songs)), *album)


def _is_compilation(fields: Fields) -> bool:
    return any(text.lower() in ("1", "true", "yes") for text in _texts(fields, "compilation"))


def _year(tags: Any, fields: Fields, path: Path) -> int | None:
    year = year_of(*_texts(fields, "date"))
    if year is None and isinstance(tags, ID3) and any(fields.get(n) == [] for n in _NAMES["date"]):
        return year_of(*_texts(dates_as_written(path), "date"))
    return year


def _has_cover(file: Any, tags: Any) -> bool:
    if getattr(file, "pictures", None):
        return True
    return any(str(key).split(":")[0].lower() in PICTURES for key in (() if tags is None else tags.keys()))
