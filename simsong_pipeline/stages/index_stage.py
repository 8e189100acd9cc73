"""Puts vectors with payloads into Qdrant: a collection per model version behind an alias."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from simsong_pipeline.asking.sound_vectors import sound_vectors
from simsong_pipeline.audio.heard_tags import tag_names
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.errors import StoreError
from simsong_pipeline.evaluation.fusion import SongVectors, with_hubness, with_stand_in
from simsong_pipeline.home.index_names import alias_name, collection_name
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import SONG_VECTOR, SOUND_VECTOR, Point, song_vector
from simsong_pipeline.refresh import KEEP_SHARE
from simsong_pipeline.stages.evaluation_stage import song_vectors
from simsong_pipeline.stages.publishing import refuse_unproven
from simsong_pipeline.stores.opening import Store
from simsong_pipeline.stores.payloads import build_payloads, point_id
from simsong_pipeline.stores.updating import StoreChange, refuse_fewer


@dataclass(frozen=True)
class IndexFrames:
    """The frames that payloads are made of."""

    tracks: pl.DataFrame
    audio: pl.DataFrame
    descriptions: pl.DataFrame
    lyrics: pl.DataFrame
    tags: pl.DataFrame


def publish_variant(
    run: Run, variant: Variant, vectors: pl.DataFrame, frames: IndexFrames, opened: Store | None = None
) -> StoreChange:
    """Bring the variant's collection to the state of `vectors` and point its alias at it.

    The alias `config.store.collection` itself follows the variant that is served. The collection that was served
    before is kept for going back; older ones are dropped.

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
    version = vectors["model_version"][0]
    if not run.wishes.publish_anyway:
        refuse_unproven(workspace, variant, version)
    name, prefix = collection_name(variant, version, config), alias_name(variant, config)
    points = _points(_song_vectors(workspace, variant, vectors), vectors, frames, config, run.now)
    sounds = sound_vectors(workspace, config, vectors["track_id"].to_list())
    points = [replace(p, vectors={**p.vectors, **sounds.get(str(p.payload["track_id"]), {})}) for p in points]
    audio_dim, lyric_dim = (vectors.schema[c].shape[0] for c in ("audio", "lyrics"))  # type: ignore[attr-defined]
    with workspace.lock(), nullcontext(opened) if opened else workspace.store(config.store) as store:
        token = workspace.fence.claim(run.run_id)

        def still_mine() -> None:
            workspace.fence.check(run.run_id, token)

        before = store.aliases().get(prefix)
        if before not in (None, name):
            refuse_fewer(store, before, len(points), keep_share)
        sound_dim = next((len(v[SOUND_VECTOR]) for v in sounds.values()), None)
        store.ensure_collection(name, audio_dim, lyric_dim, sound_dim)
        change = store.update(name, points, keep_share, before_write=still_mine, progress=run.events.progress)
        still_mine()
        targets = {prefix: name} | ({config.store.collection: name} if variant == config.serve else {})
        store.point_aliases(targets)
        ModelFiles(workspace.model(variant)).mark_published(version)
        if before != name:
            store.drop_others(f"{prefix}_", keep=[name, before or name])
    return change


def _song_vectors(workspace: Workspace, variant: Variant, vectors: pl.DataFrame) -> SongVectors:
    """The songs with their hubness and what missing lyrics count as, in the order of the frame."""
    files = ModelFiles(workspace.model(variant))
    record, references = files.training(), files.references()
    songs = with_hubness(song_vectors(vectors, vectors["track_id"].to_list()), references)
    return songs if record is None else with_stand_in(songs, references, record.audio_weight)


def _points(
    songs: SongVectors, vectors: pl.DataFrame, frames: IndexFrames, config: PipelineConfig, now: datetime
) -> list[Point]:
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
    lyric_dim = vectors.schema["lyrics"].shape[0]  # type: ignore[attr-defined]
    embedded_at = now.isoformat(timespec="seconds")
    assert songs.hubness is not None
    points = []
    rows = vectors.select("track_id", "audio", "lyrics").iter_rows()
    for (track_id, audio_list, lyrics_list), hubs in zip(rows, songs.hubness.tolist(), strict=True):
        audio = _unit(audio_list, track_id, "audio")
        named = {"audio": audio}
        if lyrics_list is not None:
            named["lyrics"] = _unit(lyrics_list, track_id, "lyrics")
        named[SONG_VECTOR] = song_vector(audio, named.get("lyrics"), lyric_dim, tuple(hubs), songs.stand_in)
        points.append(Point(point_id(track_id), named, payloads[track_id] | {"embedded_at": embedded_at}))
    return points


def _unit(values: list[float], track_id: str, name: str) -> np.ndarray:
    vector = np.asarray(values, np.float32)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or abs(length - 1) > 1e-3:
        raise StoreError(f"the {name} vector of {track_id} has length {length:.4f} in place of 1: nothing was written")
    return vector
