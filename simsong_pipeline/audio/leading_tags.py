"""What stands in front of a file's own first bytes: ID3v2 tags, one or several, whatever the format."""

from typing import BinaryIO

_HEADER = 10


def after_id3(file: BinaryIO) -> int:
    """The offset at which the recording itself begins; a tag whose size breaks the standard is not passed over."""
    offset = 0
    while True:
        file.seek(offset)
        header = file.read(_HEADER)
        if len(header) < _HEADER or header[:3] != b"ID3" or max(header[6:]) > 0x7F:
            return offset
        size = int.from_bytes(header[6:], "big")
        # Seven bits a byte.
        size = (size & 0x7F) | (size >> 8 & 0x7F) << 7 | (size >> 16 & 0x7F) << 14 | (size >> 24 & 0x7F) << 21
        has_footer = header[5] & 0x10
        offset += _HEADER + size + (_HEADER if has_footer else 0)
