"""Brings a collection to a wanted state, whatever engine holds it: only what changed is written."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from simsong_pipeline.errors import StoreError
from simsong_pipeline.points import Point
from simsong_pipeline.refresh import IF_MEANT, is_shrunken

HASH_FIELDS = ("content_hash", "payload_hash", "model_version")
# A point's vectors as JSON numbers, generously.
_BYTES_PER_NUMBER = 12


@dataclass(frozen=True)
class StoreChange:
    """What an update wrote: points upserted and deleted, and points now in the collection.

    Attributes:
        written: ids of the points that were upserted.
    """

    upserted: int
    deleted: int
    total: int
    written: frozenset[str] = field(default=frozenset(), compare=False, repr=False)


class Writable(Protocol):
    """What an update needs of an engine."""

    @property
    def address(self) -> str: ...

    def hashes(self, name: str) -> dict[str, tuple[Any, ...]]:
        """The values of `HASH_FIELDS` of every point, by id."""
        ...

    def upsert(self, name: str, points: Sequence[Point]) -> None: ...

    def delete(self, name: str, point_ids: Sequence[str]) -> None: ...

    def count(self, name: str) -> int: ...


def bring_to(
    store: Writable,
    name: str,
    points: Iterable[Point],
    batch_bytes: int,
    keep_share: float,
    before_write: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda *_: None,
    point_ids: Collection[str] | None = None,
) -> StoreChange:
    """Make the collection hold exactly `points`, writing only those whose hashes changed.

    Args:
        keep_share: refuse to delete when fewer than this share of the present points would stay.
        before_write: called before each batch; what it raises ends the update there.
        progress: called after each batch with the points written, and those to write; where the points are taken one
            after the other, with those that were looked at, and all.
        point_ids: of all points, each once, where they are known: then the points are taken one after the other, and
            never held together.

    Raises:
        StoreError: too few points would stay, or the collection holds other points afterwards.
    """
    present = store.hashes(name)
    if point_ids is None:
        by_id = {point.point_id: point for point in points}
        changed = [p for i, p in by_id.items() if present.get(i) != hashes_of(p.payload)]
        difference = Difference(changed, [i for i in present if i not in by_id], len(present), len(by_id))
        return write_difference(store, name, difference, batch_bytes, keep_share, before_write, progress)
    wanted, looked_at = set(point_ids), 0

    def streamed() -> Iterator[Point]:
        nonlocal looked_at
        for point in points:
            looked_at += 1
            if present.get(point.point_id) != hashes_of(point.payload):
                yield point

    def told(*_: int) -> None:
        progress(looked_at, len(wanted))

    difference = Difference(streamed(), [i for i in present if i not in wanted], len(present), len(wanted))
    return write_difference(store, name, difference, batch_bytes, keep_share, before_write, told)


@dataclass(frozen=True)
class Difference:
    """What a collection lacks and has too much.

    Attributes:
        changed: points to write, taken once.
        vanished: ids of points to delete.
        present: number of points that are there.
        wanted: number of points that should be there.
    """

    changed: Iterable[Point]
    vanished: Sequence[str]
    present: int
    wanted: int


def write_difference(
    store: Writable,
    name: str,
    difference: Difference,
    batch_bytes: int,
    keep_share: float,
    before_write: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> StoreChange:
    """Write what changed, delete what vanished last, and count. Arguments and errors are those of `bring_to`."""
    vanished = difference.vanished
    if is_shrunken(difference.present - len(vanished), difference.present, keep_share):
        raise _shrunken(store, name, len(vanished), difference.present)
    changed, written = difference.changed, list[str]()
    for batch in batches(changed, batch_bytes):
        before_write()
        store.upsert(name, batch)
        written += [point.point_id for point in batch]
        progress(len(written), len(changed) if isinstance(changed, Sequence) else len(written))
    if vanished:
        before_write()
        store.delete(name, vanished)
    refuse_partial(store, name, difference.wanted)
    return StoreChange(len(written), len(vanished), difference.wanted, frozenset(written))


def refuse_partial(store: Writable, name: str, songs: int) -> None:
    """Stop where a collection does not hold as many songs as were to be in it.

    Raises:
        StoreError: naming both counts.
    """
    total = store.count(name)
    if total != songs:
        raise StoreError(f"{name!r} holds {total} songs after the update in place of {songs} ({store.address})")


def refuse_fewer(store: Writable, served: str, songs: int, keep_share: float) -> None:
    """Stop before a collection that is served makes room for one of another model with far fewer songs.

    Raises:
        StoreError: naming both counts.
    """
    present = store.count(served)
    if is_shrunken(songs, present, keep_share):
        raise _shrunken(store, served, present - songs, present)


def _shrunken(store: Writable, name: str, missing: int, present: int) -> StoreError:
    return StoreError(
        f"{missing} of the {present} songs in {name!r} are missing from the new catalogue: check that the raw data are "
        f"complete. The index was left as it was ({store.address}); {IF_MEANT}"
    )


def hashes_of(payload: Mapping[str, Any]) -> tuple[Any, ...]:
    """A payload's values of `HASH_FIELDS`."""
    return tuple(payload.get(name) for name in HASH_FIELDS)


def point_of(point_id: object, stored: object, payload: Mapping[str, Any] | None) -> Point:
    """A point from what an engine gives back; vectors that were not asked for are none."""
    named = stored if isinstance(stored, dict) else {}
    vectors = {name: np.asarray(vector, np.float32) for name, vector in named.items()}
    return Point(str(point_id), vectors, payload or {})


def batches(points: Iterable[Point], limit: int) -> Iterator[list[Point]]:
    """Batches of at most `limit` bytes, of at least one point."""
    batch: list[Point] = []
    size = 0
    for point in points:
        numbers = sum(len(v) for v in point.vectors.values())
        weight = numbers * _BYTES_PER_NUMBER + len(json.dumps(dict(point.payload)))
        if batch and size + weight > limit:
            yield batch
            batch, size = [], 0
        batch.append(point)
        size += weight
    if batch:
        yield batch
