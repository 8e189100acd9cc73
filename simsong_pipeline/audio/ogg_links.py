"""A chained Ogg file is several files one after the other, as radios and `cat` write it: libsndfile plays the first."""

import re
from typing import BinaryIO

_PAGE = re.compile(rb"OggS\x00([\x00-\x07])")
_IS_FIRST = 2
_BLOCK = 1 << 20


def link_starts(file: BinaryIO) -> list[int]:
    """The offset of each link: of the first of its pages that begin a stream."""
    starts: list[int] = []
    began = False
    for offset, flags in _pages(file):
        begins = bool(flags & _IS_FIRST)
        if begins and not began:
            starts.append(offset)
        began = begins
    return starts


def _pages(file: BinaryIO) -> list[tuple[int, int]]:
    """Offset and flags of all pages, read in blocks that overlap by what a mark may lack."""
    file.seek(0)
    pages = []
    at, tail = 0, b""
    while block := file.read(_BLOCK):
        block = tail + block
        pages += [(at + match.start(), match[1][0]) for match in _PAGE.finditer(block)]
        tail = block[-5:]
        at += len(block) - len(tail)
    return pages
