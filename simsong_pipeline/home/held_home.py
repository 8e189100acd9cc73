"""Who may write into a home: one run at a time, by its number."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simsong_pipeline.errors import RawDataError, SimSongError
from simsong_pipeline.home.fence import Fence
from simsong_pipeline.locks import NotedLock, Told, log_line, patience

# The locks of runs that this process works for: all of a run's workspaces are one holder.
_of_runs: dict[tuple[Path, str], NotedLock] = {}


class HeldHome:
    """A home folder, and the lock and the number that a run writes by.

    Args:
        run_id: the run that everything under `lock` is done for. It takes its number at the first lock, holds the home
            from then on until `end_run`, between its steps as well, and is refused when another run has begun since.
        wait_s: seconds to wait for a home that another process holds; null for SIMSONG_WAIT_S or ten minutes.
        told: gets the line that says for whom is waited.
        keeps: false where the run's steps are processes of their own, which work side by side: each holds the home
            while it writes, and waits for the others of its run.
    """

    def __init__(
        self,
        home: Path,
        run_id: str | None = None,
        wait_s: float | None = None,
        told: Told = log_line,
        keeps: bool = True,
    ) -> None:
        self.home = home
        self._run_id, self._wait_s, self._told, self._keeps = run_id, wait_s, told, keeps
        self._to_claim: str | None = None
        # One object, because it lets its own holder in again: stages lock, and so does a run around them.
        self._lock = self._home_lock() if run_id is None else _of_runs.setdefault((home, run_id), self._home_lock())

    def _home_lock(self) -> NotedLock:
        holder = None if self._run_id is None else f"Dagster run {self._run_id}"
        remedy = "run again when it has finished, or choose another --home"
        return NotedLock(self.home / ".lock", f"the home {self.home}", remedy, holder, self._told)

    @property
    def fence(self) -> Fence:
        """Who may publish."""
        return Fence(self.home / "fence.json")

    def begin(self) -> None:
        """Take the number of the run that this workspace is used by, where there is one.

        Raises:
            SimSongError: as `lock`.
        """
        if self._run_id is None or (not self._keeps and self.fence.present() == self._run_id):
            return  # another step has taken it
        with self.lock():
            return

    def end_run(self) -> None:
        """Let go of the home at the end of the run that this workspace is used by."""
        lock = None if self._run_id is None else _of_runs.pop((self.home, self._run_id), None)
        if lock is not None:
            lock.let_go()

    def claim_when_writing(self, run_id: str) -> None:
        """Let a run take its number just before the first frame is written: one that fails before overtakes nobody."""
        self._to_claim = run_id

    def _take_number(self) -> None:
        """See `claim_when_writing`."""
        if self._to_claim is not None:
            run_id, self._to_claim = self._to_claim, None
            self.fence.claim(run_id)

    @contextmanager
    def lock(self, finishes_rollback: bool = False) -> Iterator[None]:
        """Hold the home for one run at a time; wait where another one holds it.

        Args:
            finishes_rollback: what is done under it ends a rollback that was begun.

        Raises:
            BusyError: another run holds it, and went on holding it.
            SimSongError: a rollback was interrupted.
            StaleRunError: another run has begun since this workspace's did.
        """
        with self._hold(self._lock):
            if not finishes_rollback:
                self.refuse_half_rolled_back()
            if self._run_id is not None:
                self.fence.claim(self._run_id)
                if self._keeps:
                    self._lock.keep()
            yield

    def refuse_half_rolled_back(self) -> None:
        """Stop where a rollback was begun and not finished: models and index may be of two states.

        Raises:
            SimSongError: saying what finishes it.
        """
        if self.rollback_intent.is_file():
            raise SimSongError(
                f"a rollback of {self.home} was interrupted, or is under way: `simsong rollback` finishes it"
            )

    @property
    def rollback_intent(self) -> Path:
        """Says what an unfinished rollback leads to."""
        return self.home / "rollback.json"

    @contextmanager
    def provider_lock(self, provider: str) -> Iterator[None]:
        """Ask a provider from one process at a time; runs over the same home go on beside it.

        Raises:
            BusyError: another process asks it, and went on asking.
        """
        what, remedy = f"{provider} for the home {self.home}", "run again when it has finished"
        with self._hold(NotedLock(self.home / f".{provider}.lock", what, remedy, told=self._told)):
            yield

    @contextmanager
    def _hold(self, lock: NotedLock) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RawDataError(
                f"{self.home} cannot be used as a home ({error.strerror}): choose another --home"
            ) from error
        with lock.held(self.patience_s):
            yield

    @property
    def patience_s(self) -> float:
        """Seconds to wait for what another process holds."""
        return patience(self._wait_s)
