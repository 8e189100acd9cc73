"""Counts what is read, for whoever waits for it."""

from collections.abc import Callable, Iterator, Sequence
from typing import TextIO, TypeVar

Progress = Callable[[int, int], None]
_LINES = 1_000
_Item = TypeVar("_Item")


def counted(items: Sequence[_Item], progress: Progress) -> Iterator[_Item]:
    """The items in their order; `progress` is told of each when the next one is asked for."""
    for done, item in enumerate(items):
        progress(done, len(items))
        yield item
    progress(len(items), len(items))


class CountedLines:
    """The lines of a text file, counted by their share of its size; called as the file is.

    Args:
        size: of the file in bytes; letters of several bytes only make the last step larger.
    """

    def __init__(self, handle: TextIO, size: int, progress: Progress) -> None:
        self.name = handle.name
        self._handle, self._size, self._progress = handle, size, progress

    def __iter__(self) -> Iterator[str]:
        done = 0
        for number, line in enumerate(self._handle):
            if number % _LINES == 0:
                self._progress(min(done, self._size), self._size)
            done += len(line)
            yield line
        self._progress(self._size, self._size)
