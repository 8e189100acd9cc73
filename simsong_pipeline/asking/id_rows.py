"""Which row of a frame an id is in: of a million ids a few dozen MB, where a dictionary takes 200."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

# A dictionary of so few takes little, and finds one in a tenth of the time.
_FEW = 100_000
_KEPT = 1_000


class IdRows:
    """Finds rows by ids, which are unique."""

    def __init__(self, ids: pl.Series) -> None:
        few = {name: row for row, name in enumerate(ids)} if len(ids) <= _FEW else None
        self._find: Callable[[str], int | None] = _SortedIds(ids).get if few is None else few.get

    def __contains__(self, wanted: object) -> bool:
        return isinstance(wanted, str) and self._find(wanted) is not None

    def __getitem__(self, wanted: str) -> int:
        """The row.

        Raises:
            KeyError: no row has the id.
        """
        row = self._find(wanted)
        if row is None:
            raise KeyError(wanted)
        return row

    def get(self, wanted: str) -> int | None:
        """The row; null where none has the id."""
        return self._find(wanted)

    def rows(self, wanted: Sequence[str]) -> list[int | None]:
        """The row of each id; null where none has it."""
        return [self._find(name) for name in wanted]


class _SortedIds:
    """Many ids, in order."""

    def __init__(self, ids: pl.Series) -> None:
        self._ids = ids
        names = np.array([_bytes(name) for name in ids] or [b""])
        self._order = np.argsort(names, kind="stable")
        self._sorted = names[self._order]
        self._longest = names.dtype.itemsize
        self._last: dict[str, int | None] = {}

    def get(self, wanted: str) -> int | None:
        """The row; null where none has the id."""
        if wanted not in self._last:  # one question looks for an id several times
            if len(self._last) >= _KEPT:
                self._last = {}
            self._last[wanted] = self._looked_up(wanted)
            return self._last[wanted]
        return self._last[wanted]

    def _looked_up(self, wanted: str) -> int | None:
        name = _bytes(wanted)
        if len(name) > self._longest or not len(self._ids):
            return None
        # NumPy takes zeros at the end for none: several ids may be one to it.
        for at in range(int(np.searchsorted(self._sorted, name)), len(self._sorted)):
            row = int(self._order[at])
            if self._ids[row] == wanted:
                return row
            if self._sorted[at] != name.rstrip(b"\x00"):
                return None
        return None


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")
