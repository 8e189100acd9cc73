"""A fencing token: whoever began last may publish, and nobody who began before.

The home's lock keeps two processes from writing at once, but not a step from writing late: one that outlives its killed
run would publish after the next run has begun. So each run takes a number when it begins, under the lock, and shows it
before it writes: a run whose number is no longer the highest is refused.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from simsong_pipeline.errors import RawDataError, StaleRunError
from simsong_pipeline.files import read_json_object, write_json
from simsong_pipeline.logs import at

# More runs than this are not in flight at once; older ones can no longer be told from new ones.
_REMEMBERED = 1_000


@dataclass(frozen=True)
class _Taken:
    """The highest number, the run that took it, and those that took the numbers before."""

    token: int
    run: str
    past: list[str]


_TAKEN = TypeAdapter(_Taken)


@dataclass(frozen=True)
class Fence:
    """The numbers taken in a home, kept in `fence.json`. Call under the home's lock."""

    path: Path

    def claim(self, run: str) -> int:
        """The run's number: its own if it has one, else the next.

        Raises:
            StaleRunError: another run has begun since this one did.
        """
        token, current, past = self._read()
        if run == current:
            at(run=token)
            return token
        if run in past:
            raise StaleRunError(
                f"run {run} was overtaken: run {current} has begun since, and publishes in its place. Nothing was "
                "changed"
            )
        write_json(self.path, {"token": token + 1, "run": run, "past": [*past, current][-_REMEMBERED:]})
        at(run=token + 1)
        return token + 1

    def number_of(self, run: str) -> int | None:
        """The number that a run has; null where it has taken none, or another run has begun since."""
        token, current, _ = self._read()
        return token if run == current else None

    def present(self) -> str:
        """The run that took the highest number, empty before the first.

        Raises:
            RawDataError: the file is damaged.
        """
        return self._read()[1]

    def check(self, run: str, token: int) -> None:
        """Whether the number is still the highest.

        Raises:
            StaleRunError: it is not.
        """
        present, current, _ = self._read()
        if (present, current) != (token, run):
            raise StaleRunError(f"run {run} was overtaken by run {current}: nothing more is written")

    def _read(self) -> tuple[int, str, list[str]]:
        if not self.path.is_file():
            return 0, "", []
        try:
            known = _TAKEN.validate_python(read_json_object(self.path))
            return known.token, known.run, known.past
        except ValueError as error:
            raise RawDataError(f"{self.path} is damaged: delete it when no run is in flight, and run again") from error
