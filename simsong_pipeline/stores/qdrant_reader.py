"""What is asked of Qdrant: which collections there are, what they hold, and which songs are near."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qdrant_client import models

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.points import Neighbour, Point, Restriction, Search
from simsong_pipeline.stores.collection_settings import search_params
from simsong_pipeline.stores.qdrant_connection import QdrantConnection
from simsong_pipeline.stores.search_width import candidates
from simsong_pipeline.stores.updating import HASH_FIELDS, hashes_of, point_of


class QdrantReader(QdrantConnection):
    """Collections of songs, which are read alone. See `opening.ReadStore`."""

    def __init__(self, config: StoreConfig, folder: Path) -> None:
        super().__init__(config, folder)
        self._sizes: dict[str, int] = {}

    def ping(self) -> int:
        """Number of collections: the cheapest question that needs an answer."""
        return len(self.collections())

    def collections(self) -> list[str]:
        """All names."""
        return sorted(c.name for c in self._ask(self._client.get_collections).collections)

    def aliases(self) -> dict[str, str]:
        """Collection behind each alias."""
        return {a.alias_name: a.collection_name for a in self._ask(self._client.get_aliases).aliases}

    def count(self, name: str) -> int:
        """Points in a collection or behind an alias."""
        return self._ask(self._client.count, name, exact=True).count

    def hashes(self, name: str) -> dict[str, tuple[Any, ...]]:
        """See `updating.Writable`."""
        found: dict[str, tuple[Any, ...]] = {}
        offset = None
        while True:
            records, offset = self._ask(
                self._client.scroll, name, limit=1_000, offset=offset, with_payload=list(HASH_FIELDS)
            )
            found |= {str(r.id): hashes_of(r.payload or {}) for r in records}
            if offset is None:
                return found

    def fetch(self, collection: str, point_ids: Sequence[str], with_vectors: bool) -> list[Point]:
        """See `recommend.VectorStore`."""
        records = self._ask(self._client.retrieve, collection, list(point_ids), with_vectors=with_vectors)
        by_id = {str(r.id): r for r in records}
        with self._errors():
            return [point_of(by_id[i].id, by_id[i].vector, by_id[i].payload) for i in point_ids if i in by_id]

    def query(self, collection: str, search: Search) -> list[Neighbour]:
        """See `recommend.VectorStore`."""
        response = self._ask(
            self._client.query_points,
            collection,
            query=search.vector.tolist(),
            using=search.using,
            limit=search.limit,
            query_filter=_filter(search.restriction),
            # The embedded mode is exact, and says so in a warning when it is given any.
            search_params=None if self.embedded else search_params(self._config, self._width(collection)),
            with_payload=True,
            with_vectors=list(search.with_vectors) or False,
        )
        with self._errors():
            return [Neighbour.of(point_of(p.id, p.vector, p.payload), p.score) for p in response.points]

    def _width(self, collection: str) -> int:
        """By how many songs there were when a question came first."""
        if collection not in self._sizes:
            self._sizes[collection] = self._ask(self._client.count, collection, exact=False).count
        return candidates(self._config, self._sizes[collection])


def _filter(restriction: Restriction) -> models.Filter | None:
    def any_of(fields: Mapping[str, Sequence[str]]) -> list[models.Condition]:
        return [models.FieldCondition(key=key, match=models.MatchAny(any=list(v))) for key, v in fields.items()]

    ranges: list[models.Condition] = [
        models.FieldCondition(key=key, range=models.Range(gte=low, lte=high))
        for key, (low, high) in restriction.between.items()
    ]
    must, must_not = [*any_of(restriction.any_of), *ranges], any_of(restriction.none_of)
    return models.Filter(must=must or None, must_not=must_not or None) if must or must_not else None
