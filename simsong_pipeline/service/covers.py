"""The picture of a recording: embedded in it, else a file beside it that is called a cover."""

import base64
import binascii
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import mutagen
from mutagen.flac import Picture

from simsong_pipeline.service.file_tags import opened_or_none

# A larger one is no cover; it is passed over.
MOST_BYTES = 10_000_000
_FRONT = 3
_NAMES = ("cover", "folder", "front", "album", "albumart")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
# By first bytes: what a tag says of its picture is not trusted, for an answer's type decides what a browser does.
_KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF8", "image/gif"))


@dataclass(frozen=True)
class Cover:
    """An image, of a type that its bytes show."""

    data: bytes
    media_type: str


def cover_of(recording: Path, modified_ns: int) -> Cover | None:
    """The cover of a recording; null where it has none that can be read."""
    return _found(recording, modified_ns)


@lru_cache(maxsize=16)
def _found(recording: Path, _modified_ns: int) -> Cover | None:
    return next((cover for data in _candidates(recording) if (cover := _cover(data)) is not None), None)


def _candidates(recording: Path) -> Iterator[bytes]:
    yield from _embedded(recording)
    for path in _beside(recording.parent):
        try:
            # Not a link to anywhere: a recording may be linked to, and what lies beside it was never scanned.
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_BYTES:
                yield path.read_bytes()
        except OSError:
            continue


def _cover(data: bytes) -> Cover | None:
    if len(data) > MOST_BYTES:
        return None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Cover(data, "image/webp")
    return next((Cover(data, kind) for begin, kind in _KINDS if data.startswith(begin)), None)


def _embedded(recording: Path) -> list[bytes]:
    """Front covers first."""
    opened = opened_or_none(recording)
    if opened is None:
        return []
    pictures = [*getattr(opened, "pictures", ()), *_of_tags(opened.tags)]
    ranked = sorted(pictures, key=lambda picture: getattr(picture, "type", _FRONT) != _FRONT)
    return [bytes(getattr(picture, "data", picture)) for picture in ranked]


def _of_tags(tags: Any) -> list[Any]:
    """Pictures of ID3, MP4, and Vorbis comments, where a FLAC picture is written in base64."""
    if tags is None:
        return []
    if hasattr(tags, "getall"):
        return list(tags.getall("APIC"))
    try:
        if covers := tags.get("covr"):
            return list(covers)
        return [p for text in tags.get("metadata_block_picture", ()) if (p := _of_base64(text)) is not None]
    except (TypeError, ValueError):  # tags of a form that has no such names
        return []


def _of_base64(text: object) -> Picture | None:
    try:
        return _picture(base64.b64decode(str(text)))
    except (binascii.Error, ValueError, mutagen.MutagenError):
        return None


def _picture(data: bytes) -> Picture:
    kind: Any = Picture
    picture: Picture = kind(data)
    return picture


def _beside(folder: Path) -> list[Path]:
    """Pictures in a folder that are called a cover, the likeliest first."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    ranked = [
        (_NAMES.index(stem.lower()), _SUFFIXES.index(suffix.lower()), name)
        for name in names
        for stem, suffix in (os.path.splitext(name),)
        if stem.lower() in _NAMES and suffix.lower() in _SUFFIXES
    ]
    return [folder / name for *_, name in sorted(ranked)]
