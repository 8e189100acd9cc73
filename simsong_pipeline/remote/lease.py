"""Whether the command that has begun is still alive: it says so every few seconds.

That is for politeness, so that others wait for one that works and not for one that was killed. What may be published is
decided by the journal alone: one that was taken for dead and wakes up is refused.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.remote.generations import Entry
from simsong_pipeline.remote.store import ObjectStore

# Without a sign of life for so long, watched by one clock, a command counts as dead.
DEAD_S = 90.0
# By the clocks of two machines, which may differ.
_LONG_DEAD = timedelta(minutes=20)
_log = logging.getLogger(__name__)


@contextmanager
def signs_of_life(store: ObjectStore, begun: Entry, dead_s: float = DEAD_S) -> Iterator[None]:
    """Give signs of life while the block lasts."""
    stopped = threading.Event()

    def beat() -> None:
        while True:
            try:
                sign = {"at": _now().isoformat(), "id": uuid.uuid4().hex}
                store.write(_name(begun.run), json.dumps(sign).encode())
            except SimSongError as error:
                _log.warning("%s", error)
            if stopped.wait(dead_s / 6):
                return

    thread = threading.Thread(target=beat, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(dead_s)
        try:
            store.remove(_name(begun.run))
        except SimSongError as error:
            _log.warning("%s", error)


class Watch:
    """Looks for signs of life of the command that has begun."""

    def __init__(self, store: ObjectStore, begun: Entry, dead_s: float) -> None:
        self.run = begun.run
        self._store, self._begun, self._dead_s = store, begun, dead_s
        self._seen, self._since = store.read(_name(begun.run)), time.monotonic()

    def is_dead(self) -> bool:
        """Whether there was no sign for too long."""
        sign = self._store.read(_name(self.run))
        if sign != self._seen:
            self._seen, self._since = sign, time.monotonic()
        return time.monotonic() - self._since > self._dead_s or _now() - self._last_time() > _LONG_DEAD

    def _last_time(self) -> datetime:
        """By the other machine's clock."""
        try:
            return datetime.fromisoformat(json.loads(self._seen or b"{}").get("at", self._begun.at))
        except (ValueError, AttributeError, TypeError):
            return datetime.fromisoformat(self._begun.at)


def _name(run: str) -> str:
    return f"alive/{run}.json"


def _now() -> datetime:
    return datetime.now(UTC)
