"""What stands in front of a file's own first bytes: ID3v2 tags, one or several, whatever the format."""

import io
from typing import Any, BinaryIO

_HEADER = 10


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
