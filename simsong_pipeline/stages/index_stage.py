"""Puts vectors with payloads into Qdrant: a collection per model version behind an alias."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import polars as pl

from simsong_pipeline.asking.sound_vectors import sound_vectors
from simsong_pipeline.audio.heard_tags import tag_names
from simsong_pipeline.config import Variant
from simsong_pipeline.errors import StoreError
from simsong_pipeline.evaluation.fusion import SongVectors, with_hubness, with_stand_in
from simsong_pipeline.home.index_names import alias_name, collection_name
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import SONG_VECTOR, SOUND_VECTOR, Point, song_vector
from simsong_pipeline.refresh import KEEP_SHARE
from simsong_pipeline.stages.evaluation_stage import song_vectors
from simsong_pipeline.stages.published import Published, forget_dropped
from simsong_pipeline.stages.publishing import refuse_unproven
from simsong_pipeline.stages.stored_vectors import StoredVectors
from simsong_pipeline.stores.ignored_settings import ignored_settings
from simsong_pipeline.stores.opening import Store
from simsong_pipeline.stores.payloads import build_payloads, payload_marks, point_id
from simsong_pipeline.stores.updating import Difference, StoreChange, refuse_fewer

# Songs whose points are made together; the frames that they are joined with are gone through once for so many.
_TOGETHER = 20_000


@dataclass(frozen=True)
class IndexFrames:
    """The frames that payloads are made of."""

    tracks: pl.DataFrame
    audio: pl.DataFrame
    descriptions: pl.DataFrame
    lyrics: pl.DataFrame
    tags: pl.DataFrame

    def by_name(self) -> dict[str, pl.DataFrame]:
        """As `stores.payloads` takes them."""
        return {name: getattr(self, name) for name in ("tracks", "audio", "descriptions", "tags")}


def publish_variant(
    run: Run, variant: Variant, vectors: StoredVectors, frames: IndexFrames, opened: Store | None = None
) -> StoreChange:
    """Bring the variant's collection to the state of `vectors` and point its alias at it.

    The alias `config.store.collection` itself follows the variant that is served. The collection that was served
    before is kept for going back; older ones are dropped. No alias moves before a collection is whole, and a
    server has built its index.

    Args:
        run: the run that publishes; one that another has overtaken is refused. `wishes.accept_shrink`: also where
            fewer than half of the songs stay that are served now.
        opened: the store, which stays open; opened and closed here where null.

    Raises:
        StaleRunError: another run has begun since this one did.
        EvaluationError: the quality record is of another model, or says that this one is not clearly above chance.
        StoreError: a vector is not of unit length, too few songs would stay, or Qdrant fails.
    """
    workspace, config = run.workspace, run.config
    keep_share = 0.0 if run.wishes.accept_shrink else KEEP_SHARE
    version = vectors.model_version
    if not run.wishes.publish_anyway:
        refuse_unproven(workspace, variant, version)
    name, prefix = collection_name(variant, version, config), alias_name(variant, config)
    with workspace.lock(), nullcontext(opened) if opened else workspace.store(config.store) as store:
        token = workspace.fence.claim(run.run_id)

        def still_mine() -> None:
            workspace.fence.check(run.run_id, token)

        if variant == config.serve:
            _note_ignored(run, store)
        targets = {prefix: name} | ({config.store.collection: name} if variant == config.serve else {})
        aliases = store.aliases()
        before = aliases.get(prefix)
        if before not in (None, name):
            refuse_fewer(store, before, vectors.states.height, keep_share)
        change = _update(_Songs(run, variant, vectors, frames), name, store, keep_share, still_mine)
        if any(aliases.get(alias) != name for alias in targets):
            store.settle(name, change.total)
        still_mine()
        store.point_aliases(targets)
        ModelFiles(workspace.model(variant)).mark_published(version)
        if before != name:
            store.drop_others(f"{prefix}_", keep=[name, before or name])
            forget_dropped(workspace, f"{prefix}_", store.collections())
    run.events.count(f"upserted/{variant}", change.upserted)
    run.events.count(f"deleted/{variant}", change.deleted)
    return change


def _note_ignored(run: Run, store: Store) -> None:
    """Once a run: of what was set, what an embedded index has no use for."""
    ignored = ignored_settings(run.config.store) if store.embedded else []
    if ignored:
        run.events.note(f"[store] {', '.join(ignored)}: of no use to the index ({store.address})")


@dataclass(frozen=True)
class _Songs:
    """All songs of a variant, whose points are made a part at a time."""

    run: Run
    variant: Variant
    vectors: StoredVectors
    frames: IndexFrames

    def marks(self) -> pl.DataFrame:
        """track_id, mark: see `payload_marks`."""
        lyrics = self.frames.lyrics.select("track_id", "language", "text_sha256")
        return payload_marks(self.vectors.states, lyrics, self.frames.by_name()).sort("track_id")

    def record(self, collection: str) -> Published:
        """What a collection was seen to hold."""
        training = ModelFiles(self.run.workspace.model(self.variant)).training()
        weight = None if training is None else training.audio_weight
        return Published(self.run.workspace, collection, self.run.config, [weight, self.run.config.encoder.kind])

    def points(self, track_ids: Sequence[str]) -> list[Point]:
        """Of some songs."""
        return _points(self.run, self.variant, self.vectors.rows(track_ids), self.frames) if track_ids else []

    def all_points(self) -> Iterator[Point]:
        """Of all songs: a million of them do not fit into memory together."""
        for part in self._parts():
            yield from self.points(part)

    def refuse_odd(self) -> None:
        """See `_unit`, of all songs before the first is written."""
        for part in self._parts():
            rows = self.vectors.rows(part)
            for name in ("audio", "lyrics"):
                there = rows.drop_nulls(name)
                for track_id, vector in zip(there["track_id"], there[name].to_numpy(), strict=True):
                    _unit(vector, track_id, name)

    def _parts(self) -> Iterator[list[str]]:
        """Track ids of a few buckets at a time, which are read once for them."""
        part: list[str] = []
        for ids in self.run.workspace.buckets.parts(self.vectors.states["track_id"].to_list()):
            part += ids
            if len(part) >= _TOGETHER:
                yield part
                part = []
        yield part


def _update(songs: _Songs, name: str, store: Store, keep_share: float, still_mine: Callable[[], None]) -> StoreChange:
    """Write what differs from the record of the collection, or, where there is none to trust, from the collection."""
    marks, record = songs.marks(), songs.record(name)
    known = record.marks(store.count(name)) if name in store.collections() else None
    told = {"before_write": still_mine, "progress": songs.run.events.progress}
    if known is None:
        songs.refuse_odd()
        _ensure_collection(store, name, songs, marks["track_id"][:1].to_list())
        record.forget()
        ids = [point_id(track_id) for track_id in marks["track_id"].to_list()]
        change = store.update(name, songs.all_points(), keep_share, point_ids=ids, **told)
        record.write(marks)
    else:
        changed = marks.join(known, on=["track_id", "mark"], how="anti")
        vanished = known.join(marks, on="track_id", how="anti")["track_id"].to_list()
        points = songs.points(changed["track_id"].to_list())
        difference = Difference(points, [point_id(t) for t in vanished], known.height, marks.height)
        if changed.height or vanished:
            record.forget()
        change = store.apply(name, difference, keep_share, **told)
        record.update(changed, vanished, marks.height)
    return change


def _ensure_collection(store: Store, name: str, songs: _Songs, example: Sequence[str]) -> None:
    """As wide as the vectors; `sound` as an example has it, which all songs have or none."""
    sound_dim = next((len(p.vectors[SOUND_VECTOR]) for p in songs.points(example) if SOUND_VECTOR in p.vectors), None)
    store.ensure_collection(name, *songs.vectors.dims, sound_dim)


def _song_vectors(workspace: Workspace, variant: Variant, vectors: pl.DataFrame) -> SongVectors:
    """The songs with their hubness and what missing lyrics count as, in the order of the frame."""
    files = ModelFiles(workspace.model(variant))
    record, references = files.training(), files.references()
    songs = with_hubness(song_vectors(vectors, vectors["track_id"].to_list()), references)
    return songs if record is None else with_stand_in(songs, references, record.audio_weight)


def _points(run: Run, variant: Variant, vectors: pl.DataFrame, frames: IndexFrames) -> list[Point]:
    """The points of some songs, rows of the track_vectors frame."""
    songs, config = _song_vectors(run.workspace, variant, vectors), run.config
    payloads = build_payloads(
        frames.tracks,
        frames.audio,
        frames.lyrics,
        frames.tags,
        vectors,
        config.store.lyrics_text,
        frames.descriptions,
        tag_names(config.body.models[0]),
    )
    sounds = sound_vectors(run.workspace, config, vectors["track_id"].to_list())
    lyric_dim = vectors.schema["lyrics"].shape[0]  # type: ignore[attr-defined]
    embedded_at = run.now.isoformat(timespec="seconds")
    assert songs.hubness is not None
    points = []
    rows = vectors.select("track_id", "audio", "lyrics").iter_rows()
    for (track_id, audio_list, lyrics_list), hubs in zip(rows, songs.hubness.tolist(), strict=True):
        audio = _unit(audio_list, track_id, "audio")
        named = {"audio": audio}
        if lyrics_list is not None:
            named["lyrics"] = _unit(lyrics_list, track_id, "lyrics")
        named[SONG_VECTOR] = song_vector(audio, named.get("lyrics"), lyric_dim, tuple(hubs), songs.stand_in)
        named |= sounds.get(track_id, {})
        points.append(Point(point_id(track_id), named, payloads[track_id] | {"embedded_at": embedded_at}))
    return points


def _unit(values: list[float] | np.ndarray, track_id: str, name: str) -> np.ndarray:
    vector = np.asarray(values, np.float32)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or abs(length - 1) > 1e-3:
        raise StoreError(f"the {name} vector of {track_id} has length {length:.4f} in place of 1: nothing was written")
    return vector
