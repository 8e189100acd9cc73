"""Which snapshot a question is answered from: the newest, and a new one as soon as a night has published.

While a night holds the index the former snapshot answers. One that is replaced is closed when its last question has
ended.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from simsong_pipeline.errors import BusyError, SimSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.settings import ServiceSettings
from simsong_pipeline.service.snapshot import Snapshot, Watched, take_snapshot

_log = logging.getLogger(__name__)
# A home that cannot be read now is not tried again for each question.
_REST_S = 5.0
# A service of few songs listens when the answers to most questions are at hand, or after this time.
_FORESEE_S = 10.0


class Snapshots:
    """The present snapshot of a home. All methods but `open` belong to one event loop.

    Attributes:
        renewals: tries to take a newer one, by how they ended: taken, busy, failed.
        trouble: why the present snapshot is not the newest state, for people; empty where it is, or a night is at work.
    """

    def __init__(
        self, workspace: Workspace, serving: Path, qdrant_url: str | None, settings: ServiceSettings, watched: Watched
    ) -> None:
        self._workspace, self._serving, self._qdrant_url = workspace, serving, qdrant_url
        self._settings, self._watched = settings, watched
        self.renewals = Counter({"taken": 0, "busy": 0, "failed": 0})
        self._present: Snapshot | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._rest_until = self._wait_until = 0.0
        self._has_looked = False
        self.trouble = ""

    def open(self, wait_s: float) -> None:
        """Take the first snapshot, and make ready what few songs are asked; call before the loop runs.

        Raises:
            SimSongError: nothing is indexed, or a night held the index for longer than `wait_s`.
        """
        self._present = self._taken(wait_s)
        if self._present.foreseen is not None:
            self._present.foreseen.wait(_FORESEE_S)

    @property
    def present(self) -> Snapshot:
        """The newest that is there, for what asks no index; lease it for a question."""
        assert self._present is not None, "open() comes first"
        return self._present

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Snapshot]:
        """The newest snapshot, which stays open while the block lasts."""
        await self._bring_up_to_date()
        snapshot = self.present
        snapshot.users += 1
        try:
            yield snapshot
        finally:
            snapshot.users -= 1
            await _close_if_done(snapshot)

    def close_now(self) -> None:
        """Close the present snapshot, after the loop has ended."""
        if self._present is not None:
            self._present.close()
            self._present = None

    async def settle(self) -> None:
        """Wait for a new snapshot that is being taken; call before the loop ends."""
        if self._renewal is not None:
            await asyncio.wait({self._renewal})

    def is_behind(self) -> bool:
        """Whether the home has another state than the present snapshot, which can be taken."""
        was, now = self.present.state, self.present.watch.state()
        if now.published != was.published:
            return True
        # Frames that a night is in the midst of writing belong to what it has not published yet.
        return now.frames != was.frames and (now.is_settled(time.time_ns()) or not self._is_at_work())

    def _is_seen_behind(self) -> bool:
        """As `is_behind`, with one look for all requests that this turn of the loop had to begin with.

        Those that come later are read in a later turn, which forgets the look before it begins with any of them.
        """
        if self._has_looked:
            return False
        is_behind = self.is_behind()
        if not is_behind:
            self._has_looked = True
            asyncio.get_running_loop().call_soon(self._look_again)
        return is_behind

    def _look_again(self) -> None:
        self._has_looked = False

    def _is_at_work(self) -> bool:
        return (self._workspace.home / ".lock.holder").is_file()

    async def _bring_up_to_date(self) -> None:
        if self._renewal is None and time.monotonic() >= self._rest_until and self._is_seen_behind():
            self._renewal = asyncio.create_task(self._renew())
            self._wait_until = time.monotonic() + self._settings.swap_wait_s
        # Once for all requests: a copy that takes minutes holds up those of its first seconds alone.
        if self._renewal is not None and (left := self._wait_until - time.monotonic()) > 0:
            await asyncio.wait({self._renewal}, timeout=left)

    async def _renew(self) -> None:
        try:
            taken = await anyio.to_thread.run_sync(self._taken, 0.0)
        except BusyError:  # a night holds the index: the present snapshot answers until it lets go
            self.renewals["busy"] += 1
            return
        except (SimSongError, OSError) as error:
            self._rest_until = time.monotonic() + _REST_S
            self.renewals["failed"] += 1
            if str(error) != self.trouble:
                _log.warning("answering from the former state: %s", error)
            self.trouble = str(error)
            return
        finally:
            self._renewal = None
        former, self._present, self.trouble = self.present, taken, ""
        former.is_retired = True
        self.renewals["taken"] += 1
        _log.info("a newer state is served: %d songs of %s", taken.library.songs.height, taken.collection)
        await _close_if_done(former)

    def _taken(self, wait_s: float) -> Snapshot:
        often = self._settings.foresee_after
        return take_snapshot(self._workspace, self._serving, self._qdrant_url, wait_s, self._watched, often)


async def _close_if_done(snapshot: Snapshot) -> None:
    if snapshot.is_retired and not snapshot.users:
        snapshot.users = -1  # nobody closes it twice
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(snapshot.close)
