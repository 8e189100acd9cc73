"""Qdrant, embedded in a folder or as a server, behind one class: what is written, on top of what is asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qdrant_client import models

from simsong_pipeline.errors import StoreError, first_line
from simsong_pipeline.locks import log_line
from simsong_pipeline.points import Point
from simsong_pipeline.stores.collection_settings import change_of, made_with, named_vectors
from simsong_pipeline.stores.kept_snapshots import KeptSnapshots
from simsong_pipeline.stores.qdrant_connection import TooLargeError
from simsong_pipeline.stores.qdrant_reader import QdrantReader
from simsong_pipeline.stores.server_snapshots import ServerSnapshots
from simsong_pipeline.stores.settling import Collection, State, wait_until_served
from simsong_pipeline.stores.updating import Difference, StoreChange, bring_to, refuse_partial, write_difference

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
# The embedded mode writes points as they come.
_ROOM = 2
# A server takes bodies of 32 MB: of ids for less than a tenth of it.
_IDS_TOGETHER = 50_000


class QdrantStore(QdrantReader):
    """Collections of songs. See `opening.Store`."""

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
