"""Waits until a collection of a server may be served: its index is built, and it holds what was written to it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from simsong_pipeline.errors import StoreError
from simsong_pipeline.locks import in_words

_FIRST_S, _LONGEST_S = 0.1, 5.0


@dataclass(frozen=True)
class State:
    """What a server says of a collection.

    Attributes:
        status: green, yellow (its index is being built), grey (it waits to be told to go on) or red.
        trouble: what its optimizer failed of; empty where it is well.
    """

    status: str
    trouble: str
    songs: int

    def __str__(self) -> str:
        return f"{self.status}, {self.songs} songs{f', {self.trouble}' if self.trouble else ''}"


@dataclass(frozen=True)
class Collection:
    """A collection that is waited for.

    Attributes:
        place: the server's address, for messages.
        look: its present state.
        wake: tells a grey one to go on: it was interrupted by a restart.
    """

    name: str
    place: str
    look: Callable[[], State]
    wake: Callable[[], object]


def wait_until_served(collection: Collection, songs: int, wait_s: float, told: Callable[[str], None]) -> None:
    """Return once the collection is green and counts `songs`; say so where that takes longer than a moment.

    Raises:
        StoreError: it is not after `wait_s`, or cannot be any more. No alias has moved.
    """
    ends, pause, was_woken = time.monotonic() + wait_s, _FIRST_S, False
    while True:
        state = collection.look()
        if state.status == "green" and not state.trouble and state.songs == songs:
            return
        if state.status == "red" or state.trouble:
            raise _refused(collection, f"is not well ({state}): look at the server's log and disk")
        if state.status == "grey" and not was_woken:
            collection.wake()
            was_woken = True
        left = ends - time.monotonic()
        if left <= 0:
            wanted = f"is not green with {songs} songs after {in_words(wait_s)} ({state}): raise [store] ready_s, or"
            raise _refused(collection, f"{wanted} look at the server's log and disk")
        if pause == _FIRST_S:
            told(f"{collection.name!r} builds its index ({state}): waiting, {in_words(wait_s)} at most")
        time.sleep(min(pause, left))
        pause = min(_LONGEST_S, 2 * pause)


def _refused(collection: Collection, what: str) -> StoreError:
    return StoreError(
        f"{collection.name!r} at {collection.place} {what}. What was served before is served still; "
        "`simsong refresh` goes on"
    )
