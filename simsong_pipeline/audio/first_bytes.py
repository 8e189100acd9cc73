"""A file's own first bytes, and what stands in front: ID3v2 tags, one or several, whatever the format."""

import io
from typing import Any, BinaryIO

_HEADER = 10
# The first bytes of wav, its large forms, aiff, flac, ogg and caf.
_OF_LIBSNDFILE = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"OggS", b"caff")


def after_id3(file: BinaryIO) -> int:
    """The offset at which the recording itself begins; a tag whose size breaks the standard is not passed over."""
    offset = 0
    while True:
        file.seek(offset)
        header = file.read(_HEADER)
        if len(header) < _HEADER or header[:3] != b"ID3" or max(header[6:]) > 0x7F:
            return offset
        size = sum(byte << 7 * place for place, byte in enumerate(reversed(header[6:])))
        has_footer = header[5] & 0x10
        offset += _HEADER + size + (_HEADER if has_footer else 0)


def is_for_libsndfile(file: BinaryIO) -> bool:
    """True for the formats that libsndfile reads as well as any, of which MP3 is none."""
    file.seek(after_id3(file))
    return file.read(4) in _OF_LIBSNDFILE


class _Behind(io.RawIOBase):
    """A file from `start` on; the file itself stays open when this is closed."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file, self._start = file, start
        file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = self._start + offset if whence == io.SEEK_SET else offset
        return self._file.seek(max(self._start, self._file.seek(place, whence))) - self._start


def behind(file: BinaryIO, start: int) -> BinaryIO:
    """What follows `start`, as a file of its own that begins at 0."""
    return io.BufferedReader(_Behind(file, start))
