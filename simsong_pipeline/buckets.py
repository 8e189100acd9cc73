"""Which bucket a track belongs to, the same on every machine. Storage and partitions share it."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

MOST = 4_096
_OF_EARLIER_HOMES = 64
_NAME = re.compile(r"\.?(bucket-\d\d|bucket-\d{4}-of-\d{4})[-.]")


@dataclass(frozen=True)
class Buckets:
    """So many buckets of tracks; of twice as many, bucket b is split into b and b + count.

    Attributes:
        count: a power of two, at most `MOST`.

    Raises:
        ValueError: it is another number.
    """

    count: int = _OF_EARLIER_HOMES

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST or self.count & (self.count - 1):
            raise ValueError(f"{self.count} is no number of buckets: a power of two from 1 to {MOST} is needed")

    @property
    def numbers(self) -> range:
        """Of all buckets."""
        return range(self.count)

    @property
    def twice(self) -> "Buckets":
        """What a split makes of them."""
        return Buckets(2 * self.count)

    def of(self, track_id: str) -> int:
        """The bucket of a track, from 0 to count - 1."""
        return int.from_bytes(sha256(track_id.encode()).digest()[:4], "big") % self.count

    def of_all(self, track_ids: Iterable[str]) -> set[int]:
        """The buckets that some tracks are in."""
        return {self.of(track_id) for track_id in track_ids}

    def counts(self, track_ids: Iterable[str]) -> Counter[int]:
        """How many of some tracks are in each bucket."""
        return Counter(self.of(track_id) for track_id in track_ids)

    def parts(self, track_ids: Iterable[str]) -> list[list[str]]:
        """The tracks by bucket, in the order of the buckets that have any."""
        found: dict[int, list[str]] = {}
        for track_id in track_ids:
            found.setdefault(self.of(track_id), []).append(track_id)
        return [found[bucket] for bucket in sorted(found)]

    def name(self, bucket: int) -> str:
        """What the bucket's files are called by. Those of another number have other names, so both lie side by side."""
        if self.count == _OF_EARLIER_HOMES:
            return f"bucket-{bucket:02d}"
        return f"bucket-{bucket:04d}-of-{self.count:04d}"


USUAL = Buckets()


def bucket_name(file: str) -> str | None:
    """The `Buckets.name` that a file is called by, hidden or not; null where it is no bucket's."""
    found = _NAME.match(file)
    return None if found is None else found[1]
