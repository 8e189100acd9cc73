"""An index that nobody writes to: what its songs carry is read from it once, and its alias is looked up once."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from simsong_pipeline.points import Neighbour, Point, Search
from simsong_pipeline.stores.opening import ReadStore

# Of the songs that were found last; some 2 kB each.
_KEPT = 20_000
# As long as everything else that a song carries, and in no answer.
_UNSHOWN = "lyrics"


class ScoringStore(ReadStore, Protocol):
    """An engine that can find songs without reading what they carry."""

    def scores(self, collection: str, search: Search) -> list[tuple[str, float]]: ...


class FrozenStore:
    """Answers as the store itself, but for the words of songs, which it leaves out where no vectors are asked for.

    Reading what ten songs carry takes the embedded engine as long as finding them.
    """

    embedded = True

    def __init__(self, store: ScoringStore) -> None:
        self._store, self._aliases = store, store.aliases()
        self._payloads: dict[str, Mapping[str, Any]] = {}

    @property
    def address(self) -> str:
        """Where the store is."""
        return self._store.address

    def __exit__(self, *error: object) -> None:
        self._store.__exit__(*error)

    def hashes(self, name: str) -> dict[str, tuple[Any, ...]]:
        """As the store."""
        return self._store.hashes(self._meant(name))

    def aliases(self) -> dict[str, str]:
        """As the store."""
        return self._aliases

    def count(self, name: str) -> int:
        """As the store."""
        return self._store.count(self._meant(name))

    def fetch(self, collection: str, point_ids: Sequence[str], with_vectors: bool) -> list[Point]:
        """As the store."""
        return self._store.fetch(self._meant(collection), point_ids, with_vectors)

    def query(self, collection: str, search: Search) -> list[Neighbour]:
        """As the store."""
        name = self._meant(collection)
        if search.with_vectors or search.limit > _KEPT:
            return self._store.query(name, search)
        scores = self._store.scores(name, search)
        held = self._carried(name, [point for point, _ in scores])
        return [Neighbour(str(held[point]["track_id"]), score, held[point]) for point, score in scores]

    def _meant(self, name: str) -> str:
        return self._aliases.get(name, name)

    def _carried(self, collection: str, point_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """What points carry, by id; threads may look at once."""
        found = {i: payload for i in point_ids if (payload := self._payloads.get(i)) is not None}
        missing = [i for i in point_ids if i not in found]
        if missing:
            points = self._store.fetch(collection, missing, with_vectors=False)
            read = {p.point_id: {n: v for n, v in p.payload.items() if n != _UNSHOWN} for p in points}
            if len(self._payloads) + len(read) > _KEPT:
                self._payloads.clear()
            self._payloads.update(read)
            found |= read
        return found
