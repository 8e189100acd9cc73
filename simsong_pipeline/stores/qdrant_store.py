"""Qdrant, embedded in a folder or as a server, behind one class.

The address comes from the configuration or `QDRANT_URL`, the key from `QDRANT_API_KEY` alone; the key is
handed to the client and kept nowhere else.
"""

import os
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import StoreError, first_line
from simsong_pipeline.recommend import HUBNESS_DIMS, SONG_VECTOR, Neighbour, Point, Restriction
from simsong_pipeline.stores.updating import HASH_FIELDS, StoreChange, bring_to, hashes_of, point_of

_PAYLOAD_INDEXES = {
    "track_id": models.PayloadSchemaType.KEYWORD,
    "artist_id": models.PayloadSchemaType.KEYWORD,
    "language": models.PayloadSchemaType.KEYWORD,
    "tags": models.PayloadSchemaType.KEYWORD,
    "genre": models.PayloadSchemaType.KEYWORD,
    "year": models.PayloadSchemaType.INTEGER,
    "duration_s": models.PayloadSchemaType.FLOAT,
}


def server_url(config: StoreConfig) -> str | None:
    """Address of the server, from the configuration or `QDRANT_URL`; null for the embedded folder."""
    return config.url or os.environ.get("QDRANT_URL") or None


class QdrantStore:
    """Collections of songs. Use as a context manager; the embedded folder serves one process at a time.

    Raises:
        StoreError: from every method, when Qdrant refuses or does not answer, naming its address.
    """

    def __init__(self, config: StoreConfig, folder: Path) -> None:
        url = server_url(config)
        self._config = config
        self.embedded = url is None
        self.address = f"embedded in {folder}" if url is None else _without_credentials(url)
        with self._errors():
            if url is None:
                folder.mkdir(parents=True, exist_ok=True)
                self._client = QdrantClient(path=str(folder))
            else:
                self._client = _connect(url, config)

    def __enter__(self) -> "QdrantStore":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ping(self) -> int:
        """Number of collections: the cheapest question that needs an answer."""
        with self._errors():
            return len(self._client.get_collections().collections)

    def ensure_collection(self, name: str, audio_dim: int, lyric_dim: int) -> None:
        """Create the collection with its named vectors and payload indexes unless it is there."""
        with self._errors():
            if not self._client.collection_exists(name):
                self._client.create_collection(
                    name,
                    vectors_config={
                        "audio": models.VectorParams(size=audio_dim, distance=models.Distance.COSINE),
                        "lyrics": models.VectorParams(size=lyric_dim, distance=models.Distance.COSINE),
                        SONG_VECTOR: models.VectorParams(
                            size=audio_dim + lyric_dim + HUBNESS_DIMS, distance=models.Distance.DOT
                        ),
                    },
                )
            if not self.embedded:  # the embedded mode has no payload indexes
                for field, kind in _PAYLOAD_INDEXES.items():
                    self._client.create_payload_index(name, field, kind, wait=True)

    def update(self, name: str, points: Iterable[Point], keep_share: float = 0.5, **more: Any) -> StoreChange:
        """See `updating.bring_to`."""
        return bring_to(self, name, points, self._config.batch_bytes, keep_share, **more)

    def hashes(self, name: str) -> dict[str, tuple[Any, ...]]:
        """See `updating.Writable`."""
        found: dict[str, tuple[Any, ...]] = {}
        offset = None
        while True:
            with self._errors():
                records, offset = self._client.scroll(name, limit=1_000, offset=offset, with_payload=list(HASH_FIELDS))
            found |= {str(r.id): hashes_of(r.payload or {}) for r in records}
            if offset is None:
                return found

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Write the points and wait until they are."""
        made = [
            models.PointStruct(
                id=p.point_id, vector={n: v.tolist() for n, v in p.vectors.items()}, payload=dict(p.payload)
            )
            for p in points
        ]
        with self._errors():
            self._client.upsert(name, points=made, wait=True)

    def delete(self, name: str, point_ids: Sequence[str]) -> None:
        """Delete the points and wait until they are gone."""
        with self._errors():
            self._client.delete(name, points_selector=models.PointIdsList(points=list(point_ids)), wait=True)

    def point_aliases(self, targets: Mapping[str, str]) -> None:
        """Point each alias at its collection, all in one call."""
        with self._errors():
            existing = {a.alias_name for a in self._client.get_aliases().aliases}
            operations: list[models.AliasOperations] = [
                models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
                for alias in targets
                if alias in existing
            ]
            operations += [
                models.CreateAliasOperation(
                    create_alias=models.CreateAlias(collection_name=collection, alias_name=alias)
                )
                for alias, collection in targets.items()
            ]
            self._client.update_collection_aliases(change_aliases_operations=operations)

    def drop_others(self, prefix: str, keep: Sequence[str]) -> list[str]:
        """Delete the collections whose name begins with `prefix` and is not among `keep`; their names."""
        with self._errors():
            names = [c.name for c in self._client.get_collections().collections]
            gone = sorted(name for name in names if name.startswith(prefix) and name not in keep)
            for name in gone:
                self._client.delete_collection(name)
        return gone

    def collections(self) -> list[str]:
        """All names."""
        with self._errors():
            return sorted(c.name for c in self._client.get_collections().collections)

    def aliases(self) -> dict[str, str]:
        """Collection behind each alias."""
        with self._errors():
            return {a.alias_name: a.collection_name for a in self._client.get_aliases().aliases}

    def count(self, name: str) -> int:
        """Points in a collection or behind an alias."""
        with self._errors():
            return self._client.count(name, exact=True).count

    def fetch(self, collection: str, point_ids: Sequence[str], with_vectors: bool) -> list[Point]:
        """See `recommend.VectorStore`."""
        with self._errors():
            records = self._client.retrieve(collection, list(point_ids), with_vectors=with_vectors)
        by_id = {str(r.id): r for r in records}
        return [point_of(by_id[i].id, by_id[i].vector, by_id[i].payload) for i in point_ids if i in by_id]

    def query(
        self,
        collection: str,
        vector: NDArray[np.float32],
        using: str,
        limit: int,
        restriction: Restriction,
        with_vectors: Sequence[str] = (),
    ) -> list[Neighbour]:
        """See `recommend.VectorStore`."""
        with self._errors():
            response = self._client.query_points(
                collection,
                query=vector.tolist(),
                using=using,
                limit=limit,
                query_filter=_filter(restriction),
                # The embedded mode is exact, and says so in a warning when it is given any.
                search_params=None if self.embedded else models.SearchParams(hnsw_ef=self._config.search_ef),
                with_payload=True,
                with_vectors=list(with_vectors) or False,
            )
        return [Neighbour.of(point_of(p.id, p.vector, p.payload), p.score) for p in response.points]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the client's errors into one line that names the address; never the key."""
        try:
            yield
        except UnexpectedResponse as error:
            hint = ": check QDRANT_API_KEY" if error.status_code in (401, 403) else ""
            raise StoreError(
                f"Qdrant at {self.address} refused: {error.status_code} {error.reason_phrase}{hint}"
            ) from error
        except (ApiException, QdrantException, ConnectionError, OSError) as error:
            raise StoreError(f"Qdrant at {self.address} does not answer ({first_line(error)})") from error
        except RuntimeError as error:
            if "already accessed" not in str(error):
                raise
            raise StoreError(
                f"Qdrant {self.address} is in use by another process: wait until it has finished, or serve "
                "several processes from a server (QDRANT_URL)"
            ) from error
        except (ValueError, KeyError, sqlite3.Error) as error:
            # A collection that is not there, an address that is none, a damaged file of the embedded folder.
            raise StoreError(f"Qdrant {self.address}: {first_line(error)}") from error
        except Exception as error:
            if type(error).__module__.split(".")[0] != "grpc":
                raise
            raise StoreError(
                f"Qdrant at {self.address} refused or does not answer over gRPC ({_grpc(error)})"
            ) from error


def _connect(url: str, config: StoreConfig) -> QdrantClient:
    with warnings.catch_warnings():
        # A key over plain http is the operator's decision, on a private network say; `doctor` mentions it.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        key = os.environ.get("QDRANT_API_KEY")
        return QdrantClient(
            url=url, api_key=key, prefer_grpc=config.grpc, timeout=config.timeout_s, check_compatibility=False
        )


def _without_credentials(url: str) -> str:
    """The address without user and password, for messages."""
    scheme, _, rest = url.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme else rest.rpartition("@")[2]


def _filter(restriction: Restriction) -> models.Filter | None:
    def any_of(fields: Mapping[str, Sequence[str]]) -> list[models.Condition]:
        return [models.FieldCondition(key=key, match=models.MatchAny(any=list(v))) for key, v in fields.items()]

    ranges: list[models.Condition] = [
        models.FieldCondition(key=key, range=models.Range(gte=low, lte=high))
        for key, (low, high) in restriction.between.items()
    ]
    must, must_not = [*any_of(restriction.any_of), *ranges], any_of(restriction.none_of)
    return models.Filter(must=must or None, must_not=must_not or None) if must or must_not else None


def _grpc(error: BaseException) -> str:
    details = getattr(error, "details", None)
    return str(details()) if callable(details) else first_line(error)
