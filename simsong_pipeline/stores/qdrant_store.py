"""Qdrant, embedded in a folder or as a server, behind one class.

The address comes from the configuration or `QDRANT_URL`, the key from `QDRANT_API_KEY` alone; the key is
handed to the client and kept nowhere else.
"""

import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from json import JSONDecodeError
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.credentials import read_key
from simsong_pipeline.errors import BusyError, SimSongError, StoreError, first_line
from simsong_pipeline.files import disk_room
from simsong_pipeline.locks import ONE_AT_A_TIME, NotedLock, in_words, log_line
from simsong_pipeline.points import Neighbour, Point, Restriction, Search
from simsong_pipeline.redaction import cause, without_credentials, without_secrets
from simsong_pipeline.stores.address import server_url
from simsong_pipeline.stores.collection_settings import change_of, made_with, named_vectors, search_params
from simsong_pipeline.stores.kept_snapshots import KeptSnapshots
from simsong_pipeline.stores.room import ask_for_room
from simsong_pipeline.stores.search_width import candidates
from simsong_pipeline.stores.server_snapshots import ServerSnapshots
from simsong_pipeline.stores.settling import Collection, State, wait_until_served
from simsong_pipeline.stores.trying_again import ask
from simsong_pipeline.stores.updating import (
    HASH_FIELDS,
    Difference,
    StoreChange,
    bring_to,
    hashes_of,
    point_of,
    refuse_partial,
    write_difference,
)

_PAYLOAD_INDEXES = {
    "track_id": models.PayloadSchemaType.KEYWORD,
    "artist_id": models.PayloadSchemaType.KEYWORD,
    "language": models.PayloadSchemaType.KEYWORD,
    "tags": models.PayloadSchemaType.KEYWORD,
    "heard_tags": models.PayloadSchemaType.KEYWORD,
    "outlier": models.PayloadSchemaType.KEYWORD,
    "genre": models.PayloadSchemaType.KEYWORD,
    "year": models.PayloadSchemaType.INTEGER,
    "duration_s": models.PayloadSchemaType.FLOAT,
    "tempo_bpm": models.PayloadSchemaType.FLOAT,
    "loudness_db": models.PayloadSchemaType.FLOAT,
}
# A list of collections is written anew in place, and points as they come.
_FREE_BYTES, _ROOM = 20_000_000, 2
# A server takes bodies of 32 MB: of ids for less than a tenth of it.
_IDS_TOGETHER = 50_000
P = ParamSpec("P")
T = TypeVar("T")


class TooLargeError(StoreError):
    """What was sent at once is more than a server, or a proxy before it, takes."""


class QdrantStore:
    """Collections of songs. Use as a context manager; the embedded folder serves one process at a time.

    Raises:
        StoreError: from every method, when Qdrant refuses or does not answer, naming its address.
    """

    def __init__(self, config: StoreConfig, folder: Path) -> None:
        url = server_url(config)
        self._config, self._folder = config, folder
        self.embedded = url is None
        self._sizes: dict[str, int] = {}
        self._url = url
        self.address = f"embedded in {folder}" if url is None else without_credentials(url)
        self._lock = NotedLock(folder / ".simsong.lock", f"Qdrant {self.address}", ONE_AT_A_TIME)
        if url is not None:
            with self._errors():
                self._client = _connect(url, config)
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._lock.acquire(config.wait_s)
        try:
            self._client = self._opened()
        except BaseException:
            self._lock.release()
            raise

    def _opened(self) -> QdrantClient:
        """The embedded mode, which reads everything; what it trips over is a damaged file."""
        ends = time.monotonic() + self._config.wait_s
        while True:
            try:
                with disk_room(self._folder):
                    return QdrantClient(path=str(self._folder))
            except (SimSongError, PermissionError):
                raise
            except Exception as error:
                if "already accessed" not in str(error):
                    raise self._damaged(error) from error
                # By another program: this one's own processes hold the lock.
                if time.monotonic() > ends:
                    waited = in_words(self._config.wait_s)
                    raise BusyError(
                        f"Qdrant {self.address} is in use by another program, also after {waited}: {ONE_AT_A_TIME}"
                    ) from error
                time.sleep(min(0.2, self._config.wait_s))

    def __enter__(self) -> "QdrantStore":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._client.close()
        finally:
            if self._lock.is_held:
                self._lock.release()

    def ping(self) -> int:
        """Number of collections: the cheapest question that needs an answer."""
        return len(self.collections())

    def ensure_collection(self, name: str, audio_dim: int, lyric_dim: int, sound_dim: int | None = None) -> None:
        """Create the collection with its named vectors and payload indexes unless it is there.

        `sound` is there where its width is given. A server's that is there is brought to the configured settings.
        """
        self._ask_for_room(0)
        if not self.embedded and self._ask(self._client.collection_exists, name):
            self._bring_to_settings(name)
        self._ask(self._create_unless_there, name, audio_dim, lyric_dim, sound_dim)
        if not self.embedded:  # the embedded mode has neither settings nor payload indexes
            for field, kind in _PAYLOAD_INDEXES.items():
                self._ask(self._client.create_payload_index, name, field, kind, wait=True)

    def _create_unless_there(self, name: str, audio_dim: int, lyric_dim: int, sound_dim: int | None) -> bool:
        """Asked as one question, because a try whose answer was lost may have created it."""
        if self._client.collection_exists(name):
            return True
        vectors = named_vectors(self._config, audio_dim, lyric_dim, sound_dim)
        return self._client.create_collection(name, vectors, **({} if self.embedded else made_with(self._config)))

    def _bring_to_settings(self, name: str) -> None:
        change = change_of(self._config, self._ask(self._client.get_collection, name).config)
        if change.updates:
            self._ask(self._client.update_collection, name, **change.updates)
        if change.lasting:
            log_line(
                f"{name!r} at {self.address} was made with {change.lasting}, which counts from the next model on; to "
                "make it anew now, delete it there and run `simsong refresh`"
            )

    def update(self, name: str, points: Iterable[Point], keep_share: float = 0.5, **more: Any) -> StoreChange:
        """See `updating.bring_to`."""
        return bring_to(self, name, points, self._config.batch_bytes, keep_share, **more)

    def apply(self, name: str, difference: Difference, keep_share: float = 0.5, **more: Any) -> StoreChange:
        """See `updating.write_difference`."""
        return write_difference(self, name, difference, self._config.batch_bytes, keep_share, **more)

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

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Write the points and wait until they are; in halves where they are too large for the server together."""
        self._ask_for_room(_ROOM * 8 * sum(sum(len(v) for v in p.vectors.values()) for p in points))
        made = [
            models.PointStruct(
                id=p.point_id, vector={n: v.tolist() for n, v in p.vectors.items()}, payload=dict(p.payload)
            )
            for p in points
        ]
        try:
            self._ask(self._client.upsert, name, points=made, wait=True)
        except TooLargeError:
            if len(points) == 1:
                raise
            half = len(points) // 2
            self.upsert(name, points[:half])
            self.upsert(name, points[half:])

    def delete(self, name: str, point_ids: Sequence[str]) -> None:
        """Delete the points and wait until they are gone."""
        for start in range(0, len(point_ids), _IDS_TOGETHER):
            chosen = models.PointIdsList(points=list(point_ids[start : start + _IDS_TOGETHER]))
            self._ask(self._client.delete, name, points_selector=chosen, wait=True)

    def settle(self, name: str, songs: int) -> None:
        """Return once the collection may be served: it counts so many songs, and a server's index of it is built.

        Raises:
            StoreError: it holds others, or a server did not get that far in time.
        """
        if self.embedded:
            refuse_partial(self, name, songs)
            return
        collection = Collection(name, self.address, lambda: self._state(name), lambda: self._wake(name))
        wait_until_served(collection, songs, self._config.ready_s, log_line)

    def _state(self, name: str) -> State:
        info = self._ask(self._client.get_collection, name)
        status = info.optimizer_status
        trouble = f"optimizer: {status.error}" if isinstance(status, models.OptimizersStatusOneOf1) else ""
        return State(info.status.value, first_line(ValueError(trouble)) if trouble else "", self.count(name))

    def _wake(self, name: str) -> None:
        self._ask(self._client.update_collection, name, optimizers_config=models.OptimizersConfigDiff())

    def point_aliases(self, targets: Mapping[str, str]) -> None:
        """Point each alias at its collection, all in one call."""
        self._ask_for_room(0)
        existing = self.aliases()
        operations: list[models.AliasOperations] = [
            models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
            for alias in targets
            if alias in existing
        ]
        operations += [
            models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=collection, alias_name=alias))
            for alias, collection in targets.items()
        ]
        self._ask(self._client.update_collection_aliases, change_aliases_operations=operations)

    def drop_others(self, prefix: str, keep: Sequence[str]) -> list[str]:
        """Delete the collections whose name begins with `prefix` and is not among `keep`; their names.

        Of a server's a snapshot is kept first, below the home, as many as `keep_snapshots` of each prefix; one that
        cannot be kept so stays on the server.
        """
        gone = [name for name in self.collections() if name.startswith(prefix) and name not in keep]
        if not self.embedded and self._config.keep_snapshots:
            kept = KeptSnapshots(self._folder.parent / "snapshots", self._config.keep_snapshots, self.address)
            gone = [name for name in gone if kept.keep(self.snapshots(), name, prefix)]
        for name in gone:
            self.drop(name)
        return gone

    def drop(self, name: str) -> None:
        """Delete a collection as it is."""
        self._ask(self._client.delete_collection, name)

    def snapshots(self) -> ServerSnapshots:
        """Of a server's collections.

        Raises:
            StoreError: the index is embedded, whose files are copied instead.
        """
        if self._url is None:
            raise StoreError(f"Qdrant {self.address} has no snapshots: its files are copied")
        return ServerSnapshots(self._url, self._config.ready_s, self._ask)

    def collections(self) -> list[str]:
        """All names."""
        return sorted(c.name for c in self._ask(self._client.get_collections).collections)

    def aliases(self) -> dict[str, str]:
        """Collection behind each alias."""
        return {a.alias_name: a.collection_name for a in self._ask(self._client.get_aliases).aliases}

    def count(self, name: str) -> int:
        """Points in a collection or behind an alias."""
        return self._ask(self._client.count, name, exact=True).count

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

    def _ask(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What the client answers; a busy server is asked again."""
        question = partial(call, *arguments, **named)
        with self._errors():
            if self.embedded:
                with disk_room(self._folder):
                    return question()
            return _something(ask(self.address, question, self._config.retry_s, log_line))

    def _ask_for_room(self, size: int) -> None:
        if self.embedded:
            ask_for_room(self._folder, _FREE_BYTES + size)

    def _damaged(self, error: Exception) -> StoreError:
        return StoreError(
            f"the index in {self._folder} is damaged ({type(error).__name__}: {first_line(error)}): delete that folder "
            "and run `simsong run`, which writes it anew from the vectors"
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the client's errors into one line that names the address; never the key, also not as their cause."""
        try:
            yield
        except SimSongError:
            raise
        except UnexpectedResponse as error:
            if error.status_code == 413:
                raise TooLargeError(
                    f"Qdrant at {self.address} refused: 413, more than it takes at once: raise its max_request_size_mb"
                ) from cause(error)
            hint = ": check QDRANT_API_KEY" if error.status_code in (401, 403) else ""
            raise StoreError(
                f"Qdrant at {self.address} refused: {error.status_code} {error.reason_phrase}{hint}"
            ) from cause(error)
        except ResponseHandlingException as error:
            if not isinstance(error.source, httpx.HTTPError):
                raise self._no_answer(error) from cause(error)
            raise self._silent(error) from cause(error)
        except (ApiException, QdrantException, ConnectionError, OSError) as error:
            raise self._silent(error) from cause(error)
        except (ValueError, KeyError, sqlite3.Error) as error:
            if not self.embedded and isinstance(error, JSONDecodeError | UnicodeDecodeError | ValidationError):
                raise self._no_answer(error) from cause(error)
            # A collection that is not there, an address that is none, a damaged file of the embedded folder.
            raise StoreError(f"Qdrant {self.address}: {first_line(error)}") from cause(error)
        except Exception as error:  # noqa: BLE001 (a server or a file may make the client raise anything)
            if type(error).__module__.split(".")[0] == "grpc":
                raise StoreError(
                    f"Qdrant at {self.address} refused or does not answer over gRPC ({_grpc(error)})"
                ) from cause(error)
            raise (self._damaged(error) if self.embedded else self._no_answer(error)) from cause(error)

    def _silent(self, error: Exception) -> StoreError:
        return StoreError(f"Qdrant at {self.address} does not answer ({first_line(error)})")

    def _no_answer(self, error: Exception) -> StoreError:
        said = type(getattr(error, "source", error)).__name__
        return StoreError(f"what answers at {self.address} is no Qdrant ({said}): check the address")


def _something(answer: T) -> T:
    """An answer; null is what the client makes of an empty object."""
    if answer is None:
        raise TypeError("an empty answer")
    return answer


def _connect(url: str, config: StoreConfig) -> QdrantClient:
    parts = urlsplit(url)
    if re.search(r"[\s\x00-\x1f\x7f]", url) or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no address of a server, as http://host:6333 is")
    try:
        _ = parts.port
    except ValueError:  # whose text quotes what stands there, which may be the end of a password
        raise ValueError("no address of a server, as http://host:6333 is: its port is no number") from None
    with warnings.catch_warnings():
        # A key over plain http is the operator's decision, on a private network say; `doctor` mentions it.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return QdrantClient(
            url=url,
            api_key=read_key("QDRANT_API_KEY"),
            prefer_grpc=config.grpc,
            timeout=config.timeout_s,
            check_compatibility=False,
        )


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
    return without_secrets(str(details())) if callable(details) else first_line(error)
