"""Counts that a stage tells, as a few lines of a log."""

import time
from collections.abc import Callable


class LoggedCount:
    """A line for each `every`th part of a count, however large or small its steps are, with the time that is left.

    Args:
        log: takes a line.
        clock: seconds.
    """

    def __init__(
        self, log: Callable[[str], None], every: int = 10, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log, self._every, self._clock = log, every, clock
        self._done = self._total = self._first = self._part = 0
        self._begun = clock()

    def progress(self, done: int, total: int) -> None:
        """A count that goes back, or is of something else, begins anew."""
        if total != self._total or done < self._done:
            self._first, self._part, self._begun = done, self._part_of(done, total), self._clock()
            self._part -= done == total > 0  # one that is complete at once has a line too
        self._done, self._total = done, total
        if self._part_of(done, total) > self._part:
            self._part = self._part_of(done, total)
            self._log(f"{done} of {total}{self._time_left()}")

    def _part_of(self, done: int, total: int) -> int:
        return self._every * done // max(total, 1)

    def _time_left(self) -> str:
        counted = self._done - self._first
        seconds = (self._clock() - self._begun) * (self._total - self._done) / max(counted, 1)
        return f", about {seconds:.0f} s left" if counted and seconds >= 1 else ""
