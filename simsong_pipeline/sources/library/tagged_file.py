"""Opens a file's tags by mutagen's class for what the file is, which its first bytes say, not its suffix."""

from pathlib import Path
from typing import Any, BinaryIO

import mutagen
from mutagen.aac import AAC
from mutagen.aiff import AIFF
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import ID3FileType
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp3 import MP3, HeaderNotFoundError
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

from simsong_pipeline.audio.first_bytes import after_id3, behind

_OGG = [OggVorbis, OggOpus, OggFLAC, OggSpeex]
# Matroska, and wav beyond 4 GB.
_UNKNOWN = (b"\x1aE\xdf\xa3", b"RF64")
_BY_FIRST_BYTES: dict[bytes, Any] = {
    b"fLaC": FLAC,
    b"RIFF": WAVE,
    b"FORM": AIFF,
    b"wvpk": WavPack,
    b"MAC ": MonkeysAudio,
    b"\x30\x26\xb2\x75": ASF,
}


def open_tagged(path: Path) -> Any | None:
    """A mutagen file; null for a container whose tags mutagen does not know, webm say.

    Raises:
        mutagen.MutagenError: the tags are damaged.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = after_id3(file)
        file.seek(start)
        first = file.read(12)
        if first[:4] == b"OggS":
            return mutagen.File(behind(file, start), options=_OGG)
        kind = _kind(first)
        if kind is not None and start:  # mutagen passes over one ID3 tag at most, and in front of FLAC only
            return _opened(kind, behind(file, start))
    if first[:4] in _UNKNOWN:
        return None
    if kind is not None:
        return _opened(kind, path)
    return _raw_frames(path, first, has_id3=start > 0)


def _kind(first: bytes) -> Any | None:
    """The class for a container's first bytes; null for Ogg, which has several, and for frames without a container."""
    return MP4 if first[4:8] == b"ftyp" else _BY_FIRST_BYTES.get(first[:4])


def _opened(kind: Any, file: Path | BinaryIO) -> Any:
    return kind(file)


def _raw_frames(path: Path, first: bytes, has_id3: bool) -> Any:
    """Frames without a container: of ADTS where the layer's bits are none of MPEG audio's, else MP3."""
    if first[:1] == b"\xff" and first[1] & 0xF6 == 0xF0:
        return _opened(ID3FileType if has_id3 else AAC, path)
    try:
        return _opened(MP3, path)
    except HeaderNotFoundError:  # junk in front of the frames; what it says may be read all the same
        return _opened(ID3FileType, path)
