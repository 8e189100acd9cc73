"""What a file says of itself that no frame keeps: numbers of track and disc, bit rate, ids. Read where one is shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import mutagen

from simsong_pipeline.sources.library.tag_fields import fields_of
from simsong_pipeline.sources.library.tagged_file import open_tagged

_NUMBER = re.compile(r"\s*(\d{1,4})")
_MUSICBRAINZ = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Names of one thing in ID3, Vorbis comments, MP4 and APEv2; in lower case, as `fields_of` has them.
_NAMES = {
    "track": ("trck", "tracknumber", "trkn", "track", "wm/tracknumber"),
    "disc": ("tpos", "discnumber", "disk", "disc", "wm/partofset"),
    "recording": ("musicbrainz_trackid", "musicbrainz track id", "musicbrainz/track id"),
    "album": ("musicbrainz_albumid", "musicbrainz album id", "musicbrainz/album id"),
    "isrc": ("tsrc", "isrc", "wm/isrc"),
}


@dataclass(frozen=True)
class FileTags:
    """Null is what the file does not say. Bit rate in kbit/s, sample rate in Hz."""

    track: int | None = None
    disc: int | None = None
    bit_rate: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    bit_depth: int | None = None
    musicbrainz_id: str | None = None
    musicbrainz_album_id: str | None = None
    isrc: str | None = None


NO_TAGS = FileTags()


def file_tags(path: Path, modified_ns: int) -> FileTags:
    """The tags of a file, kept for as long as it does not change; none of one that cannot be read."""
    return _read(path, modified_ns)


def opened_or_none(path: Path) -> Any:
    """A file's tags as mutagen reads them; null where there are none, or none that can be read."""
    try:
        return open_tagged(path)
    except (mutagen.MutagenError, OSError, ValueError, EOFError):
        return None


@lru_cache(maxsize=20_000)
def _read(path: Path, _modified_ns: int) -> FileTags:
    opened = opened_or_none(path)
    if opened is None:
        return NO_TAGS
    fields, info = fields_of(opened.tags), opened.info
    return FileTags(
        _number(_first(fields, "track")),
        _number(_first(fields, "disc")),
        _kilobits(info),
        _positive(info, "sample_rate"),
        _positive(info, "channels"),
        _positive(info, "bits_per_sample"),
        _musicbrainz(fields, opened.tags),
        _matching(_MUSICBRAINZ, _first(fields, "album")),
        _first(fields, "isrc"),
    )


def _first(fields: Mapping[str, Sequence[str]], what: str) -> str | None:
    return next((fields[name][0] for name in _NAMES[what] if fields.get(name)), None)


def _number(text: str | None) -> int | None:
    """The number that a text begins with: 3 of "3/12" and of "(3, 12)"; null for none and for zero."""
    found = _NUMBER.match((text or "").lstrip("("))
    return int(found[1]) or None if found else None


def _musicbrainz(fields: Mapping[str, Sequence[str]], tags: Any) -> str | None:
    """ID3 has the recording's id in a frame of its own kind."""
    frames = tags.getall("UFID:http://musicbrainz.org") if hasattr(tags, "getall") else []
    texts = [frame.data.decode("ascii", errors="replace") for frame in frames]
    return _matching(_MUSICBRAINZ, next(iter(texts), None) or _first(fields, "recording"))


def _matching(pattern: re.Pattern[str], text: str | None) -> str | None:
    found = pattern.search(text or "")
    return found[0].lower() if found else None


def _kilobits(info: Any) -> int | None:
    rate = _positive(info, "bitrate")
    return None if rate is None else max(1, round(rate / 1000))


def _positive(info: Any, name: str) -> int | None:
    value = getattr(info, name, None)
    return int(value) if isinstance(value, int | float) and value > 0 else None
