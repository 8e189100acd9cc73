"""An index that nobody writes to: what its songs carry is read from it once, and its alias is looked up once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from simsong_pipeline.asking.recommend import Ranking
from simsong_pipeline.points import Neighbour, Point, Restriction, Search
from simsong_pipeline.service.foreseen import Foreseen
from simsong_pipeline.stores.opening import ReadStore

# Of the songs that were found last; some 2 kB each.
_KEPT = 20_000
# As long as everything else that a song carries, and in no answer.
_UNSHOWN = "lyrics"


class ScoringStore(ReadStore, Protocol):
    """An engine that can find songs without reading what they carry."""

    def scores(self, collection: str, search: Search) -> list[tuple[str, float]]: ...

    def walk(self, collection: str, fields: Sequence[str], vectors: Sequence[str]) -> Iterator[Point]: ...


class FrozenStore:
    """Answers as the store itself, but for the words of songs, which it leaves out where no vectors are asked for.

    Reading what ten songs carry takes the embedded engine as long as finding them.

    Attributes:
        foreseen: answers that are at hand, where `foresee` was called.
    """

    embedded = True

    def __init__(self, store: ScoringStore) -> None:
        self._store, self._aliases = store, store.aliases()
        self._payloads: dict[str, Mapping[str, Any]] = {}
        self.foreseen: Foreseen | None = None

    def foresee(self, collection: str, ranking: Ranking, often: int) -> Foreseen:
        """Have the answers by one ranking at hand: of many songs once that many questions were asked, or by `begin`."""
        self.foreseen = Foreseen(self._store, self._meant(collection), ranking, often)
        return self.foreseen

    @property
    def address(self) -> str:
        """Where the store is."""
        return self._store.address

    def __exit__(self, *error: object) -> None:
        if self.foreseen is not None:
            self.foreseen.end()
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
        return self._neighbours(name, self._store.scores(name, search))

    def nearest_of(
        self, point_id: str, ranking: Ranking, limit: int, restriction: Restriction
    ) -> list[Neighbour] | None:
        """What is nearest to a song, where it is at hand; see `asking.queries.NearestOf`."""
        if self.foreseen is None:
            return None
        scores = self.foreseen.found(point_id, ranking, limit, restriction)
        return None if scores is None else self._neighbours(self.foreseen.collection, scores)

    def _neighbours(self, collection: str, scores: Sequence[tuple[str, float]]) -> list[Neighbour]:
        held = self._carried(collection, [point for point, _ in scores])
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
