"""The tags of a file, whatever their form, as one map from a name in lower case to its texts.

Names stay those of the form ("tpe1", "artist", "\\xa9art"); which of them mean the same is said in `tags`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import mutagen
from mutagen.aac import AAC
from mutagen.apev2 import APEv2
from mutagen.id3 import ID3, ID3FileType, TextFrame
from mutagen.mp4 import MP4FreeForm

Fields = dict[str, list[str]]
# Pictures, some of them as long texts.
PICTURES = ("apic", "metadata_block_picture", "coverart", "covr", "wm/picture", "cover art (front)")
# The pattern of MP4's and iTunes' own names: ----:com.apple.iTunes:LYRICS.
_FREE = "----:"
# mutagen reads a date of ID3 into numbers, and "c. 1971" into nothing; "TDRC" and the like as the texts they are.
_PLAIN_FRAMES = {name: type(name, (TextFrame,), {}) for name in ("TDRC", "TDRL", "TDOR", "TYER", "TORY", "TDAT")}


def fields_of(tags: Any) -> Fields:
    """The texts of tags as mutagen has them: ID3, Vorbis comments, MP4 atoms, APEv2 or ASF; empty for null."""
    fields: Fields = {}
    for name, value in _items(tags):
        texts = [part.strip() for text in _texts(value) for part in text.split("\x00")]
        fields.setdefault(name.lower(), []).extend(text for text in texts if text)
    return fields


def _items(tags: Any) -> Iterator[tuple[str, Any]]:
    is_id3 = isinstance(tags, ID3)
    for name in () if tags is None else dict.fromkeys(tags.keys()):
        if is_id3:
            frame: Any = tags[name]
            if isinstance(frame, TextFrame):
                yield getattr(frame, "desc", frame.FrameID), getattr(frame, "text", [])
        elif name.lower() not in PICTURES:
            yield (name.rpartition(":")[2] if name.startswith(_FREE) else name), tags[name]


def _texts(value: Any) -> list[str]:
    """The texts of a value; bytes other than MP4's free forms are no text."""
    if isinstance(value, bytes):
        return [bytes(value).decode("utf-8", errors="replace")] if isinstance(value, MP4FreeForm) else []
    if isinstance(value, str | int):
        return [str(value)]
    try:
        items = list(value)  # of a Vorbis comment, an APEv2 text
    except TypeError:
        return [str(value)]
    return [text for item in items for text in (_texts(item) if isinstance(item, bytes | list) else [str(item)])]


def dates_as_written(path: Path) -> Fields:
    """The dates of ID3 as texts.

    Raises:
        MutagenError: as mutagen does.
    """
    return fields_of(_opened(ID3, path, known_frames=_PLAIN_FRAMES, translate=False))


def _opened(kind: Any, path: Path, **how: Any) -> Any:
    return kind(path, **how)


def beside_id3(file: Any, path: Path) -> Fields:
    """The APEv2 tag of an mp3 or AAC file, which mutagen does not look for there; empty where it has none."""
    if not isinstance(file, ID3FileType | AAC):
        return {}
    try:
        return fields_of(_opened(APEv2, path))
    except mutagen.MutagenError:  # there is none, or it is damaged: the other tags count
        return {}


def container_fields(path: Path) -> Fields:
    """What FFmpeg finds, such as RIFF INFO, AIFF text and Matroska tags; empty for a file that it does not know.

    Raises:
        OSError: the file cannot be read.
    """
    for encoding in ("utf-8", "cp1252"):
        try:
            with av.open(str(path), metadata_encoding=encoding) as container:
                audio = [dict(stream.metadata) for stream in container.streams.audio[:1]]
                return _merged([dict(container.metadata), *audio])
        except UnicodeDecodeError:
            continue
        except OSError:
            raise
        except (av.FFmpegError, ValueError, IndexError):
            return {}
    return {}


def _merged(parts: list[Mapping[str, str]]) -> Fields:
    merged: Fields = {}
    for part in parts:
        for name, found in fields_of(part).items():
            merged.setdefault(name, []).extend(found)
    return merged
