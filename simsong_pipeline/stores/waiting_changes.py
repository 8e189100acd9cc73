"""How many changes of a shard its index was not built over yet: a number in a file beside the shard.

A few changes are searched exactly, beside the graph: a question to 16,000 songs takes 2.0 ms, and 2.3 with 1,000 more
that are in no graph. Merging them means a process that opens the whole shard, for which a night with one new song
should not wait, and the engine itself leaves a segment of less than 10 MB of vectors as it is.
"""

from pathlib import Path

# Points written or deleted since the index was built last, from which on it is built again: so many, or a hundredth of
# a larger collection, whose questions take longer anyway.
MANY = 1_000
_SHARE, _MOST = 0.01, 10_000


class WaitingChanges:
    """The changes of the shard in a folder. They are counted before they are written: too many if that is killed."""

    def __init__(self, shard: Path) -> None:
        self._path = shard / "unindexed"

    def add(self, count: int) -> None:
        """So many points are about to be written or deleted."""
        self._path.write_text(str(self._count() + count))

    def are_many(self, songs: int) -> bool:
        """Whether the index of so many songs should be built now."""
        return self._count() >= max(MANY, min(_MOST, round(_SHARE * songs)))

    def clear(self) -> None:
        """The index was built."""
        self._path.unlink(missing_ok=True)

    def _count(self) -> int:
        if not self._path.is_file():
            return 0
        said = self._path.read_text()
        # Without a number it is of an earlier version, or of a process that was killed: they may be many.
        return int(said) if said.isdecimal() else _MOST
