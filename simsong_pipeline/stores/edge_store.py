"""Qdrant's embedded engine: the server's storage and HNSW index in this process, for hundreds of thousands of songs.

A collection is a folder with one shard. Aliases are one file, `CURRENT`, replaced by a rename: readers see all of them
move at once. One process at a time holds the folder, as with the embedded mode of qdrant-client.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as edge
from pydantic import TypeAdapter

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import SimSongError, StoreError, first_line
from simsong_pipeline.files import read_json_object, write_json
from simsong_pipeline.locks import ONE_AT_A_TIME, NotedLock
from simsong_pipeline.points import Neighbour, Point, Restriction, Search
from simsong_pipeline.stores.edge_settings import search_params, shard_config
from simsong_pipeline.stores.payloads import point_id
from simsong_pipeline.stores.room import ask_for_room, size_on_disk
from simsong_pipeline.stores.search_width import candidates
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
from simsong_pipeline.stores.waiting_changes import WaitingChanges

_KINDS = edge.PayloadSchemaType
_PAYLOAD_INDEXES = {
    "track_id": _KINDS.Keyword,
    "artist_id": _KINDS.Keyword,
    "language": _KINDS.Keyword,
    "tags": _KINDS.Keyword,
    "heard_tags": _KINDS.Keyword,
    "outlier": _KINDS.Keyword,
    "genre": _KINDS.Keyword,
    "year": _KINDS.Integer,
    "duration_s": _KINDS.Float,
    "tempo_bpm": _KINDS.Float,
    "loudness_db": _KINDS.Float,
}
# With vectors: a moment for which questions wait.
_WALKED = 100
# A disk that fills up while a shard is mapped kills the process (SIGBUS), so room is asked for first: each segment's
# vectors are written once as they come and once more into the index.
_ROOM = 3
_FREE_BYTES = 300_000_000
# Opening a shard writes too, its log of changes say, and dies of a full disk in the same way.
_LOAD_BYTES = 64_000_000
_READY = "shard.json"
_ALIASES = TypeAdapter(dict[str, str])


class EdgeStore:
    """Collections of songs below a folder. Use as a context manager.

    Raises:
        StoreError: from every method, when the folder is in use, the disk is nearly full, or the engine fails.
    """

    embedded = True

    def __init__(self, config: StoreConfig, folder: Path) -> None:
        self._config, self._folder = config, folder
        self.address = f"edge in {folder}"
        self._shards: dict[str, edge.EdgeShard] = {}
        self._sizes: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = NotedLock(folder / ".lock", f"Qdrant {self.address}", ONE_AT_A_TIME)
        self._lock.acquire(config.wait_s)

    def __enter__(self) -> "EdgeStore":
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._shards):
            self._close(name)
        self._lock.release()

    def ping(self) -> int:
        """Number of collections."""
        return len(self.collections())

    def ensure_collection(self, name: str, audio_dim: int, lyric_dim: int, sound_dim: int | None = None) -> None:
        """Create the shard with its named vectors and payload indexes unless it is there.

        Only `song` has a graph; the others are searched exactly. `sound` is there where its width is given.
        """
        if name in self.collections():
            return
        self._ask_for_room(0)
        # What a killed process left before the shard was ready.
        shutil.rmtree(self._folder / name, ignore_errors=True)
        made = shard_config(self._config, audio_dim, lyric_dim, sound_dim)
        with self._errors():
            (self._folder / name).mkdir()
            shard = edge.EdgeShard.create(str(self._folder / name), made)
            for field, kind in _PAYLOAD_INDEXES.items():
                shard.update(edge.UpdateOperation.create_field_index(field, kind))
            shard.flush()
        self._shards[name] = shard
        write_json(self._folder / name / _READY, {"audio": audio_dim, "lyrics": lyric_dim})

    def update(self, name: str, points: Iterable[Point], keep_share: float = 0.5, **more: Any) -> StoreChange:
        """See `updating.bring_to`; then the index is built, in a process of its own, if many changes wait for it."""
        return self._indexed(name, bring_to(self, name, points, self._config.batch_bytes, keep_share, **more))

    def apply(self, name: str, difference: Difference, keep_share: float = 0.5, **more: Any) -> StoreChange:
        """See `updating.write_difference`; then the index as in `update`."""
        change = write_difference(self, name, difference, self._config.batch_bytes, keep_share, **more)
        return self._indexed(name, change)

    def _indexed(self, name: str, change: StoreChange) -> StoreChange:
        if self._waiting(name).are_many(change.total):
            self._build_index(name)
        return change

    def hashes(self, name: str) -> dict[str, tuple[Any, ...]]:
        """See `updating.Writable`."""
        found: dict[str, tuple[Any, ...]] = {}
        offset = None
        while True:
            request = edge.ScrollRequest(limit=1_000, offset=offset, with_payload=list(HASH_FIELDS))
            with self._errors():
                records, offset = self._shard(name).scroll(request)
            found |= {str(r.id): hashes_of(r.payload or {}) for r in records}
            if offset is None:
                return found

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Write the points; whole or not at all once this returns."""
        self._ask_for_room(_ROOM * 4 * sum(sum(len(v) for v in p.vectors.values()) for p in points))
        self._waiting(name).add(len(points))
        made = [edge.Point(p.point_id, {n: v.tolist() for n, v in p.vectors.items()}, dict(p.payload)) for p in points]
        with self._errors():
            self._shard(name).update(edge.UpdateOperation.upsert_points(made))

    def delete(self, name: str, point_ids: Sequence[str]) -> None:
        """Delete the points."""
        self._waiting(name).add(len(point_ids))
        with self._errors():
            self._shard(name).update(edge.UpdateOperation.delete_points(list(point_ids)))

    def settle(self, name: str, songs: int) -> None:
        """See `QdrantStore.settle`: its index is built where it is written to."""
        refuse_partial(self, name, songs)

    def point_aliases(self, targets: Mapping[str, str]) -> None:
        """Point each alias at its collection, all at once."""
        write_json(self._folder / "CURRENT", self.aliases() | dict(targets))

    def drop_others(self, prefix: str, keep: Sequence[str]) -> list[str]:
        """Delete the collections whose name begins with `prefix` and is not among `keep`; their names."""
        gone = sorted(name for name in self.collections() if name.startswith(prefix) and name not in keep)
        for name in gone:
            self._close(name)
            (self._folder / name / _READY).unlink()  # from here on it is rubbish, even if the rest is interrupted
            shutil.rmtree(self._folder / name)
        return gone

    def aliases(self) -> dict[str, str]:
        """Collection behind each alias."""
        path = self._folder / "CURRENT"
        if not path.is_file():
            return {}
        try:
            return _ALIASES.validate_python(read_json_object(path), strict=True)
        except ValueError as error:
            raise StoreError(f"{path} is damaged: delete it and run `simsong run`") from error

    def count(self, name: str) -> int:
        """Points in a collection or behind an alias."""
        with self._errors():
            return self._shard(name).count(edge.CountRequest(exact=True))

    def fetch(self, collection: str, point_ids: Sequence[str], with_vectors: bool) -> list[Point]:
        """See `recommend.VectorStore`."""
        with self._errors():
            records = self._shard(collection).retrieve(list(point_ids), with_payload=True, with_vector=with_vectors)
            by_id = {str(r.id): r for r in records}
            return [point_of(by_id[i].id, by_id[i].vector, by_id[i].payload) for i in point_ids if i in by_id]

    def walk(self, collection: str, fields: Sequence[str], vectors: Sequence[str]) -> Iterator[Point]:
        """All points, with some of their payload and vectors."""
        offset = None
        while True:
            request = edge.ScrollRequest(
                limit=_WALKED, offset=offset, with_payload=list(fields), with_vector=list(vectors)
            )
            with self._errors():
                records, offset = self._shard(collection).scroll(request)
            yield from (point_of(r.id, r.vector, r.payload) for r in records)
            if offset is None:
                return

    def query(self, collection: str, search: Search) -> list[Neighbour]:
        """See `recommend.VectorStore`."""
        found = self._found(collection, search, with_payload=True)
        return [Neighbour.of(point_of(p.id, p.vector, p.payload), p.score) for p in found]

    def scores(self, collection: str, search: Search) -> list[tuple[str, float]]:
        """The points' ids and scores alone of what `query` finds: to read what points carry takes as long again."""
        found = self._found(collection, search, with_payload=False)
        return [(str(p.id), p.score) for p in found]

    def _found(self, collection: str, search: Search, with_payload: bool) -> list[edge.ScoredPoint]:
        request = edge.QueryRequest(
            search.limit,
            query=edge.Query.Nearest(search.vector.tolist(), search.using),
            filter=_filter(search.restriction),
            with_payload=with_payload,
            with_vector=list(search.with_vectors) or False,
            params=search_params(self._config, candidates(self._config, self._songs_in(collection))),
        )
        with self._errors():
            return self._shard(collection).query(request)

    def collections(self) -> list[str]:
        """All names."""
        return sorted(p.parent.name for p in self._folder.glob(f"*/{_READY}"))

    def _songs_in(self, name: str) -> int:
        """How many there were when a question came first: for what needs no exact number."""
        if name not in self._sizes:  # by the name that is asked with: no alias is looked up for each question
            self._sizes[name] = self.count(name)
        return self._sizes[name]

    def _shard(self, name: str) -> edge.EdgeShard:
        if name in self._shards:  # the collection itself: no alias is looked up
            return self._shards[name]
        name = self.aliases().get(name, name)
        if name not in self._shards:
            if name not in self.collections():
                raise StoreError(f"no collection {name!r} ({self.address})")
            ask_for_room(self._folder, _LOAD_BYTES)
            with self._errors():
                self._shards[name] = edge.EdgeShard.load(str(self._folder / name))
        return self._shards[name]

    def _close(self, name: str) -> None:
        self._sizes.clear()
        shard = self._shards.pop(name, None)
        if shard is not None:
            with self._errors():
                shard.flush()
                shard.close()

    def _build_index(self, name: str) -> None:
        """Apart, so that its memory goes back when it is done and what kills it leaves this process alive."""
        self._close(name)
        # Segments are written anew before the old ones go.
        self._ask_for_room(size_on_disk(self._folder / name))
        command = [sys.executable, "-m", "simsong_pipeline.stores.edge_index", str(self._folder / name)]
        # Its standard input closes when this process ends, however that comes, and it ends with it.
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace") as process:
            assert process.stderr is not None
            said = process.stderr.read()
            code = process.wait()
        if code != 0:
            last = said.strip().splitlines()[-1:] or ["no message"]
            raise StoreError(
                f"the index of {name!r} could not be built (exit {code}: {last[0]}): is the disk or the memory full? "
                f"Its points are all there ({self.address}); run `simsong run` again"
            )
        self._waiting(name).clear()

    def _waiting(self, name: str) -> WaitingChanges:
        return WaitingChanges(self._folder / self.aliases().get(name, name))

    def _ask_for_room(self, size: int) -> None:
        ask_for_room(self._folder, _FREE_BYTES + size)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """The engine raises bare `Exception`s; all become one line with the address."""
        try:
            yield
        except SimSongError:
            raise
        except Exception as error:
            raise StoreError(f"Qdrant {self.address} failed ({first_line(error)})") from error


def _filter(restriction: Restriction) -> edge.Filter | None:
    def any_of(fields: Mapping[str, Sequence[str]]) -> list[Any]:
        return [_is_one_of(key, values) for key, values in fields.items()]

    ranges = [
        edge.FieldCondition(key, range=edge.RangeFloat(gte=low, lte=high))
        for key, (low, high) in restriction.between.items()
    ]
    must, must_not = [*any_of(restriction.any_of), *ranges], any_of(restriction.none_of)
    return edge.Filter(must=must or None, must_not=must_not or None) if must or must_not else None


def _is_one_of(key: str, values: Sequence[str]) -> Any:
    """A song's track id is asked for by its point's id, which the engine compares in a third of the time."""
    if key == "track_id":
        return edge.HasIdCondition({UUID(point_id(value)) for value in values})
    return edge.FieldCondition(key, match=edge.MatchAny(list(values)))
