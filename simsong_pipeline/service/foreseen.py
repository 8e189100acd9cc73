"""Has the answers to most questions at hand: at once where to find them all is little work, else where it pays."""

import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from threadpoolctl import threadpool_limits

from simsong_pipeline.asking.recommend import Ranking
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.points import SONG_VECTOR, Point, Restriction
from simsong_pipeline.service.near_lists import FIELDS, NearLists, StoppedError, near_lists

_log = logging.getLogger(__name__)
# Time grows with the square of it: some five seconds of one core, and half a minute.
_FEW_SONGS, _MOST_SONGS = 25_000, 50_000
_LESS_URGENT = 10


class WalkedStore(Protocol):
    """An engine whose points can be gone through."""

    def count(self, name: str) -> int: ...

    def walk(self, collection: str, fields: Sequence[str], vectors: Sequence[str]) -> Iterator[Point]: ...


class Foreseen:
    """The lists of one collection that nobody writes to.

    Args:
        ranking: that they are by.
        often: questions before those of more than a few songs are made: who asks now and then does not come there.

    Attributes:
        collection: its own name, no alias.
        lists: null until they are made.
    """

    def __init__(self, store: WalkedStore, collection: str, ranking: Ranking, often: int) -> None:
        self._store, self.collection, self._ranking, self._often = store, collection, ranking, often
        self._asked, self._is_over = 0, threading.Event()
        self._making: threading.Thread | None = None
        self._beginning = threading.Lock()
        self.lists: NearLists | None = None

    def begin_where_few(self) -> None:
        """Make them before anything is asked, where that is little work."""
        if self._store.count(self.collection) <= _FEW_SONGS:
            self.begin()

    def found(
        self, point_id: str, ranking: Ranking, limit: int, restriction: Restriction
    ) -> list[tuple[str, float]] | None:
        """See `NearLists.found`; null as well by another ranking, and while there are none."""
        if ranking != self._ranking:
            return None
        if self.lists is not None:
            return self.lists.found(point_id, limit, restriction)
        self._asked += 1
        if self._asked >= self._often and self._making is None and self._store.count(self.collection) <= _MOST_SONGS:
            self.begin()
        return None

    def begin(self) -> None:
        """Make the lists, in a thread of their own; once."""
        with self._beginning:
            if self._making is None and not self._is_over.is_set():
                self._making = threading.Thread(target=self._make, name="near-lists", daemon=True)
                self._making.start()

    def wait(self, timeout_s: float | None = None) -> None:
        """Until those that are being made are there, or cannot be."""
        if self._making is not None:
            self._making.join(timeout_s)

    def end(self) -> None:
        """Stop making them; call before the store is closed."""
        with self._beginning:
            self._is_over.set()
        self.wait()

    def _make(self) -> None:
        if sys.platform.startswith("linux"):  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LESS_URGENT)
        songs = self._store.walk(self.collection, FIELDS, [SONG_VECTOR, "audio"])
        try:
            with threadpool_limits(1):  # questions are answered meanwhile
                self.lists = near_lists(songs, self._ranking, lambda: not self._is_over.is_set())
        except StoppedError:
            return
        except (SimSongError, MemoryError) as error:
            _log.warning("each question is searched for; the lists of near songs could not be made: %s", error)
