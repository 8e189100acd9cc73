"""Asks questions of the newest snapshot in threads, a bounded number at once; the loop goes on meanwhile."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import anyio.to_thread

from simsong_pipeline.errors import ModelError, RawDataError, StoreError
from simsong_pipeline.service.snapshot import Snapshot
from simsong_pipeline.service.snapshots import Snapshots

T = TypeVar("T")
# What a night may bring about that replaces a file under a question.
_PASSING = (RawDataError, ModelError, StoreError)


def never_brief(*_: object) -> bool:
    """Of questions that may take longer than the way to a thread and back."""
    return False


class Asker:
    """Hands snapshots out and runs questions on them."""

    def __init__(self, snapshots: Snapshots, threads: int) -> None:
        self._snapshots, self._limiter = snapshots, anyio.CapacityLimiter(threads)
        self._alone = anyio.Lock()

    def alone(self) -> anyio.Lock:
        """Held around what takes seconds, so that it never takes more than one thread from the questions."""
        return self._alone

    @property
    def waiting(self) -> int:
        """Questions that wait for a thread."""
        return self._limiter.statistics().tasks_waiting

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """The newest, for a look at its library, or for several questions to one state; run those with `on`."""
        async with self._snapshots.lease() as snapshot:
            yield snapshot

    async def ask(self, question: Callable[[Snapshot], T], is_brief: Callable[[Snapshot], bool] = never_brief) -> T:
        """The answer of a function that is called in a thread; once more of a newer state, where a night came between.

        Args:
            is_brief: whether it is called here and now: the embedded engine keeps the interpreter's lock while it
                searches, so that a thread would only add the way there and back.

        Raises:
            SimSongError: whatever the question raises.
        """
        async with self._snapshots.lease() as snapshot:
            try:
                return question(snapshot) if is_brief(snapshot) else await self.on(snapshot, question)
            except _PASSING:
                if not self._snapshots.is_behind():
                    raise
        async with self.snapshot() as snapshot:
            return await self.on(snapshot, question)

    async def on(self, snapshot: Snapshot, question: Callable[[Snapshot], T]) -> T:
        """The answer from a snapshot that is leased already."""
        return await anyio.to_thread.run_sync(question, snapshot, limiter=self._limiter)
