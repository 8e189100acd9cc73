"""Embeds the songs whose content or model changed, with ONNX Runtime."""

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.segments import segmentation
from simsong_pipeline.config import Variant
from simsong_pipeline.engines.opening import opened_engine
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.refresh import (
    IF_MEANT,
    Embedder,
    Refreshed,
    content_hashes,
    is_shrunken,
    split_unchanged,
    vector_frame,
)
from simsong_pipeline.schemas import TRACK_VECTORS, conform
from simsong_pipeline.stages.stored_vectors import StoredVectors, in_buckets, stored_vectors
from simsong_pipeline.stages.twin_vectors import twin_vectors
from simsong_pipeline.stages.vector_work import EmbedSongs, ready_songs, song_jobs, vectors_by_key


def embed_variant(
    run: Run,
    variant: Variant,
    segment_features: pl.DataFrame,
    lyric_embeddings: pl.DataFrame,
    embedder: Embedder | None = None,
    ahead: Callable[[str], Mapping[str, NDArray[np.float32]]] = lambda _: {},
    hashes: pl.DataFrame | None = None,
) -> Refreshed:
    """The vectors that have to be computed, and which of the last run still hold. Nothing is written.

    A song that the other variant has embedded by the same encoder is not embedded once more. One that cannot be heard
    again keeps the vector that it has by this model, and has none by another; the next run tries it again.

    Args:
        embedder: in place of the variant's ONNX encoder.
        ahead: from the model's version to the audio vectors [dim] that are there already, by the hash of the audio.
        hashes: `song_hashes`, where they are known already.

    Raises:
        RawDataError: more than half of the songs would have no vector, because they cannot be heard again.
    """
    workspace, config = run.workspace, run.config
    files = ModelFiles(workspace.model(variant))
    version = files.export().model_version
    if hashes is None:
        hashes = song_hashes(run, segment_features, lyric_embeddings)
    before = stored_vectors(workspace, variant)
    kept, todo = split_unchanged(hashes, None if before is None else before.states, version)
    whitening = files.whitening()
    words = lyric_embeddings.filter(pl.col("track_id").is_in(todo))
    whitened = whitening.apply(words["vector"].to_numpy()) if words.height else np.zeros((0, 0), np.float32)
    lyrics = dict(zip(words["track_id"].to_list(), whitened, strict=True))
    encoder = embedder or load_encoder(workspace, variant, config)
    asked = segment_features.filter(pl.col("track_id").is_in(todo))
    ready = dict(ahead(version))
    lacking = asked.filter(~pl.col("audio_sha256").is_in(list(ready)))
    ready |= twin_vectors(workspace, variant, lacking.join(hashes, on="track_id"))
    audio_hashes = dict(asked.select("track_id", "audio_sha256").rows())
    silent = lacking.filter(~pl.col("audio_sha256").is_in(list(ready)))
    by_audio = {**ready, **_embedded(run, variant, version, silent, encoder)}
    made = [t for t in todo if audio_hashes[t] in by_audio]
    if len(made) < len(todo) and before is not None:
        lost = set(todo) - set(made)
        stale = before.states.filter(pl.col("track_id").is_in(list(lost)), model_version=version)
        kept = pl.concat([kept.select(stale.columns), stale]) if kept.height else stale
    _refuse_unheard(run, kept.height + len(made), hashes.height)
    run.events.count(f"embedded/{variant}", len(made))
    audio = np.stack([by_audio[audio_hashes[t]] for t in made]) if made else np.zeros((0, encoder.dim), np.float32)
    new = vector_frame(made, audio, lyrics, hashes, version, whitening.projection.shape[1])
    return Refreshed(new, kept)


def _refuse_unheard(run: Run, left: int, songs: int) -> None:
    """Stop while the vectors and points of the songs are still there."""
    if is_shrunken(left, songs) and not run.wishes.accept_shrink:
        raise RawDataError(
            f"{songs - left} of {songs} songs have to be heard again and cannot be: check that the disk with them is "
            f"mounted and whole. Vectors and index are as they were; {IF_MEANT}"
        )


def _embedded(
    run: Run, variant: Variant, version: str, features: pl.DataFrame, encoder: Embedder
) -> dict[str, NDArray[np.float32]]:
    """Audio vectors of some songs by the hash of the audio; what is ready of them is taken over."""
    kept = ready_songs(run.workspace, variant, version)
    if not features.height:
        kept.clear()
        return {}
    with opened_engine(run.config, run.events.note) as engine:
        # Elsewhere each worker opens one of its own.
        function = EmbedSongs(run.workspace.home, run.config, variant, encoder if engine.shares_memory else None)
        return vectors_by_key(function, engine, song_jobs(run.workspace, features), kept, run.events.progress)


def song_hashes(run: Run, segment_features: pl.DataFrame, lyric_embeddings: pl.DataFrame) -> pl.DataFrame:
    """`content_hashes` of the songs, which are the same for both variants."""
    return content_hashes(segment_features, lyric_embeddings, segmentation(run.config))


def keep_vectors(run: Run, variant: Variant, refreshed: Refreshed) -> StoredVectors:
    """Write what is new, and take away what is gone; buckets of which nothing changed are not opened."""
    name = f"{variant}/track_vectors"
    kept = run.workspace.bucketed(name)
    if not refreshed.unchanged or not kept.is_there:
        run.workspace.write(name, whole_vectors(run, variant, refreshed))
        return in_buckets(kept, refreshed.states)
    # What still holds is among what is there: where both are as many, nothing left or changed, and none is looked for.
    gone: list[str] = []
    if kept.height != refreshed.unchanged:
        gone = kept.read(["track_id"]).join(refreshed.states, on="track_id", how="anti")["track_id"].to_list()
    if gone or refreshed.embedded:
        run.workspace.update(name, refreshed.new, gone)
    return in_buckets(kept, refreshed.states)


def whole_vectors(run: Run, variant: Variant, refreshed: Refreshed) -> pl.DataFrame:
    """All vectors as one frame by track id, what did not change being read."""
    before = stored_vectors(run.workspace, variant) if refreshed.unchanged else None
    if before is None:
        return refreshed.new
    kept = before.rows(refreshed.kept["track_id"].to_list())
    return conform(pl.concat([kept, refreshed.new]).sort("track_id"), TRACK_VECTORS)
