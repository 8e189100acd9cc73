"""The work of a bucket's vectors: songs by the exported encoder, lyrics by their model. No torch here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Protocol, Self, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.feature_store import FeatureReader
from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.audio.segments import song_inputs
from simsong_pipeline.config import LyricsConfig, PipelineConfig, Variant
from simsong_pipeline.engines.engine import BucketFunction, Engine, Progress, Worker
from simsong_pipeline.files import sha256_of
from simsong_pipeline.home.bucketed_frame import by_bucket
from simsong_pipeline.home.ready_vectors import BucketVectors, ReadyVectors
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.inference import Segments
from simsong_pipeline.refresh import Embedder
from simsong_pipeline.stages.hearing_again import HearAgain, recordings_of

# Computing fewer vectors again, where a run is killed, takes seconds; writing them in files of buckets takes as long.
WORTH_KEEPING = 256


@dataclass(frozen=True)
class SongsToEmbed:
    """Rows of the segment_features frame of a bucket, and the recordings of those whose features were let go of."""

    bucket: int
    features: pl.DataFrame
    recordings: Sequence[AudioTask] = ()

    @property
    def songs(self) -> int:
        """See `engines.engine.Job`."""
        return self.features.height

    @property
    def keys(self) -> list[str]:
        """What the vectors are known by: a recording's hash."""
        return self.features["audio_sha256"].to_list()

    def without(self, ready: Sequence[str]) -> Self:
        """What is left to embed."""
        left = self.features.filter(~pl.col("audio_sha256").is_in(list(ready)))
        return replace(self, features=left)


@dataclass(frozen=True)
class EmbedSongs:
    """See `engines.engine.BucketFunction`: audio vectors of a bucket's songs.

    Songs without features are heard again, and nothing of them is kept; one that cannot be heard has no vector.

    Attributes:
        embedder: in place of the variant's exported encoder; only where memory is shared.
    """

    home: Path
    config: PipelineConfig
    variant: Variant
    embedder: Embedder | None = None

    def open(self, worker: Worker) -> Callable[[SongsToEmbed], BucketVectors]:
        """The session is shared by all buckets."""
        workspace, channels = Workspace(self.home), feature_format(self.config).channels
        encoder = self.embedder or load_encoder(workspace, self.variant, self.config)

        again = HearAgain(worker, self.config)

        def inputs(job: SongsToEmbed, keys: list[str]) -> Iterator[Segments]:
            """Of those that can be heard, whose keys are added to `keys`."""
            reader = FeatureReader(workspace.features_folder, job.features, channels)
            for track_id, key in job.features.drop_nulls("file").select("track_id", "audio_sha256").rows():
                keys.append(key)
                worker.count()
                yield song_inputs(reader[track_id], self.config)
            for key, rows in again.features(job.features.filter(pl.col("file").is_null()), job.recordings):
                keys.append(key)
                yield song_inputs(rows, self.config)

        def work(job: SongsToEmbed) -> BucketVectors:
            keys: list[str] = []
            vectors = list(encoder.embed_songs(inputs(job, keys)))
            return BucketVectors(job.bucket, keys, _stacked(vectors, encoder.dim))

        return work


@dataclass(frozen=True)
class TextsToEmbed:
    """Lyrics of a bucket, by the hash of their text."""

    bucket: int
    texts: Mapping[str, str]

    @property
    def songs(self) -> int:
        """See `engines.engine.Job`."""
        return len(self.texts)

    @property
    def keys(self) -> list[str]:
        """What the vectors are known by."""
        return list(self.texts)

    def without(self, ready: Sequence[str]) -> Self:
        """What is left to embed."""
        gone = set(ready)
        return type(self)(self.bucket, {key: text for key, text in self.texts.items() if key not in gone})


@dataclass(frozen=True)
class EmbedTexts:
    """See `engines.engine.BucketFunction`: vectors of a bucket's lyrics, before the whitening."""

    config: LyricsConfig

    def open(self, worker: Worker) -> Callable[[TextsToEmbed], BucketVectors]:
        """One bucket at a time: the model has all cores, and its tokenizer serves one thread."""
        # Imported here because the model takes a second to open, and most nights have few lyrics or none.
        from simsong_pipeline.lyrics.embedding import LyricEncoder

        encoder, turn = LyricEncoder(self.config), Lock()

        def work(job: TextsToEmbed) -> BucketVectors:
            counted = 0

            def progress(windows: int, of: int) -> None:
                nonlocal counted
                done = job.songs * windows // of
                worker.count(done - counted)
                counted = done

            with turn:
                vectors = encoder.encode(list(job.texts.values()), progress)
            return BucketVectors(job.bucket, job.keys, vectors)

        return work


class _Keyed(Protocol):
    """A job whose vectors are known by hashes."""

    @property
    def bucket(self) -> int: ...

    @property
    def songs(self) -> int: ...

    def without(self, ready: Sequence[str]) -> Self:
        """What is left to embed where vectors of these are ready."""
        ...


_KeyedT = TypeVar("_KeyedT", bound=_Keyed)


def text_width(config: LyricsConfig) -> int:
    """Of a vector of lyrics, where there are none to see it by."""
    from simsong_pipeline.lyrics.embedding import LyricEncoder

    return LyricEncoder(config).width


def ready_songs(workspace: Workspace, variant: Variant, version: str) -> ReadyVectors:
    """Audio vectors by a model."""
    return ReadyVectors(workspace.ready / f"{variant}-{sha256_of(version)[:16]}", workspace.buckets)


def ready_texts(workspace: Workspace, version: str) -> ReadyVectors:
    """Vectors of lyrics by a model of them."""
    return ReadyVectors(workspace.ready / f"lyrics-{sha256_of(version)[:16]}", workspace.buckets)


def vectors_by_key(
    function: BucketFunction[_KeyedT, BucketVectors],
    engine: Engine,
    jobs: Sequence[_KeyedT],
    ready: ReadyVectors,
    progress: Progress,
    keep_from: int = WORTH_KEEPING,
) -> dict[str, NDArray[np.float32]]:
    """The vector of each key of the jobs.

    Args:
        keep_from: each bucket is kept as soon as it is done, where at least so many vectors are to be computed.
    """
    found: dict[str, NDArray[np.float32]] = {}
    left: list[_KeyedT] = []
    for job in jobs:
        known = ready.read(job.bucket)
        if known is not None:
            found |= known.by_key()
            job = job.without(known.keys)  # noqa: PLW2901
        if job.songs:
            left.append(job)
    keep = sum(job.songs for job in left) >= keep_from
    with closing(engine.map_buckets(function, left, progress)) as done:
        for made in done:
            if keep:
                ready.write(made)
            found |= made.by_key()
    return found


def song_jobs(workspace: Workspace, features: pl.DataFrame, audio: pl.DataFrame | None = None) -> list[SongsToEmbed]:
    """By bucket, of rows of the segment_features frame.

    Args:
        audio: the frame that says where songs lie whose features were let go of; that of the last run where null.
    """
    places: dict[int, list[AudioTask]] = {}
    for task in recordings_of(workspace, features.filter(pl.col("file").is_null()), audio):
        places.setdefault(workspace.buckets.of(task.track_id), []).append(task)
    parts = by_bucket(features, workspace.buckets)
    return [SongsToEmbed(bucket, part, places.get(bucket, ())) for bucket, part in parts.items()]


def text_jobs(workspace: Workspace, texts: pl.DataFrame) -> list[TextsToEmbed]:
    """By bucket, of track_id, text, text_sha256; a text that songs of a bucket share is embedded once."""
    jobs: dict[int, dict[str, str]] = {}
    for track_id, text, key in texts.select("track_id", "text", "text_sha256").sort("track_id").rows():
        jobs.setdefault(workspace.buckets.of(track_id), {})[key] = text
    return [TextsToEmbed(bucket, parts) for bucket, parts in jobs.items()]


def _stacked(vectors: Sequence[NDArray[np.float32]], width: int) -> NDArray[np.float32]:
    return np.stack(vectors) if vectors else np.zeros((0, width), np.float32)
