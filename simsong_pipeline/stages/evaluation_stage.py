"""Measures every method on test songs of artists that no model was trained on."""

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from simsong_pipeline.audio.description import gaussian
from simsong_pipeline.config import VARIANTS, PipelineConfig, Variant
from simsong_pipeline.errors import EvaluationError
from simsong_pipeline.evaluation.baselines import GaussianScores, RandomScores
from simsong_pipeline.evaluation.fusion import SongVectors, cosine_rows, fused_rows, with_hubness, with_stand_in
from simsong_pipeline.evaluation.ground_truth import (
    artist_numbers,
    has_other_artists,
    is_answerable,
    relevance_matrix,
)
from simsong_pipeline.evaluation.metrics_frame import START, TIMBRE, MethodScores, Progress, evaluate
from simsong_pipeline.evaluation.quality import quality_of
from simsong_pipeline.evaluation.ranking import Scores
from simsong_pipeline.evaluation.task import Task, build_task
from simsong_pipeline.home.model_files import ModelFiles, QualityRecord, TrainingRecord
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import METRICS, empty
from simsong_pipeline.stages.body_means import body_means


@dataclass(frozen=True)
class EvaluationFrames:
    """The frames that evaluation reads; vectors by variant."""

    tracks: pl.DataFrame
    splits: pl.DataFrame
    similarity: pl.DataFrame
    vectors: dict[Variant, pl.DataFrame]


@dataclass(frozen=True)
class Gallery:
    """The test songs: each is a query, or some of very many are, and all others are its candidates.

    Attributes:
        vectors: by variant, rows in the order of `track_ids`.
        protocols: `unfiltered`, and `artist_filtered` where songs of other artists can be relevant.
    """

    track_ids: list[str]
    vectors: dict[Variant, SongVectors]
    protocols: dict[str, Task]
    records: dict[Variant, TrainingRecord]


def build_gallery(workspace: Workspace, frames: EvaluationFrames, config: PipelineConfig) -> Gallery:
    """The test songs that every variant has vectors of.

    Raises:
        EvaluationError: a test artist is one that a model was trained on, or no song has a related one.
    """
    test = frames.splits.filter(pl.col("split") == "test").select("track_id")
    for vectors in frames.vectors.values():
        test = test.join(vectors, on="track_id", how="semi")
    track_ids = _sampled(test["track_id"].sort().to_list(), config)
    records = {v: _record(workspace, v) for v in frames.vectors}
    for variant, vectors in frames.vectors.items():
        refuse_other_model(workspace, variant, vectors)
    _refuse_known_artists(frames.tracks, track_ids, records)
    relevant, artists = (
        relevance_matrix(frames.similarity, track_ids),
        artist_numbers(frames.tracks, track_ids),
    )
    most, seed = config.evaluation.max_queries, config.evaluation.seed
    protocols = {"unfiltered": build_task(relevant, most=most, seed=seed)}
    if has_other_artists(relevant, artists):
        protocols["artist_filtered"] = build_task(relevant, artists, most, seed)
    by_variant = {
        v: as_indexed(song_vectors(f, track_ids), workspace, v, records[v]) for v, f in frames.vectors.items()
    }
    return Gallery(track_ids, by_variant, protocols, records)


def as_indexed(vectors: SongVectors, workspace: Workspace, variant: Variant, record: TrainingRecord) -> SongVectors:
    """With the numbers of their own that songs have in the index: hubness, and what missing lyrics count as."""
    references = ModelFiles(workspace.model(variant)).references()
    return with_stand_in(with_hubness(vectors, references), references, record.audio_weight)


def _sampled(track_ids: list[str], config: PipelineConfig) -> list[str]:
    """At most `max_songs` songs, drawn with the evaluation's seed."""
    limit = config.evaluation.max_songs
    if len(track_ids) <= limit:
        return track_ids
    drawn = np.random.default_rng(config.evaluation.seed).choice(len(track_ids), limit, replace=False)
    return [track_ids[n] for n in sorted(drawn.tolist())]


def measure_and_record(
    workspace: Workspace, frames: EvaluationFrames, config: PipelineConfig, progress: Progress = lambda *_: None
) -> pl.DataFrame:
    """The metrics frame; the verdict on the served model is written beside it for publishing to read.

    Where no test song has a related one the frame has no rows, and the verdict says so.
    """
    answerable = is_answerable(frames.splits, frames.similarity)
    gallery = build_gallery(workspace, frames, config) if answerable else None
    metrics = empty(METRICS) if gallery is None else measure(workspace, gallery, config, progress)
    verdict = quality_of(metrics, config)
    with workspace.lock():
        for variant, vectors in frames.vectors.items():
            # What nothing can judge is served only where nothing was learned that could be wrong.
            passed = verdict.passed if answerable else _record(workspace, variant).is_start
            record = QualityRecord(vectors["model_version"][0], passed, verdict.text, verdict.outcome.value)
            ModelFiles(workspace.model(variant)).write_quality(record)
    return metrics


def refuse_other_model(workspace: Workspace, variant: Variant, vectors: pl.DataFrame) -> None:
    """Vectors are judged with the weight and the references of the model that made them.

    Raises:
        EvaluationError: the model changed since.
    """
    if vectors["model_version"][0] != ModelFiles(workspace.model(variant)).export().model_version:
        raise EvaluationError(f"the {variant} model changed since its songs were embedded: run `simsong run`")


def _record(workspace: Workspace, variant: Variant) -> TrainingRecord:
    record = ModelFiles(workspace.model(variant)).training()
    if record is None:
        raise EvaluationError(f"no trained model of {variant} in {workspace.home}: run `simsong run`")
    return record


def _refuse_known_artists(tracks: pl.DataFrame, track_ids: list[str], records: dict[Variant, TrainingRecord]) -> None:
    chosen = pl.DataFrame({"track_id": track_ids})
    tested = set(tracks.join(chosen, on="track_id", how="semi")["artist_id"].to_list())
    for variant, record in records.items():
        known = sorted((tested & set(record.artists)) | (set(track_ids) & set(record.tracks)))
        if known:
            raise EvaluationError(
                f"{variant} was trained or validated on {len(known)} artists or songs of the test part "
                f"({known[0]} is one): its figures would mean nothing. The split changed since; "
                "train again with `simsong run --retrain`"
            )


def song_vectors(frame: pl.DataFrame, track_ids: list[str]) -> SongVectors:
    """Of the given songs, in that order, from a track_vectors frame."""
    rows = pl.DataFrame({"track_id": track_ids}).join(frame, on="track_id", how="left", maintain_order="left")
    lyric_dim = frame.schema["lyrics"].shape[0]  # type: ignore[attr-defined]
    lyrics = np.zeros((rows.height, lyric_dim), np.float32)
    lyrics[rows["lyrics"].is_not_null().to_numpy()] = rows["lyrics"].drop_nulls().to_numpy()
    return SongVectors(rows["audio"].to_numpy().astype(np.float32), lyrics)


def method_scores(workspace: Workspace, gallery: Gallery, config: PipelineConfig) -> list[MethodScores]:
    """Scores of every method on the gallery: random, timbre, lyrics, the untrained start, both variants."""
    songs = len(gallery.track_ids)
    methods = [
        MethodScores("random", RandomScores(songs, config.evaluation.seed)),
        MethodScores(TIMBRE, timbre_scores(workspace, gallery.track_ids, config)),
    ]
    first = next(iter(gallery.vectors.values()))
    if first.lyrics.any():
        methods.append(MethodScores("lyrics", cosine_rows(first.lyrics)))
    if config.serve in gallery.vectors:
        served = gallery.vectors[config.serve]
        record = gallery.records[config.serve]
        methods += start_scores(workspace, gallery.track_ids, served, record, config, remember=True)
    return methods + variant_scores(gallery)


def variant_scores(gallery: Gallery) -> list[MethodScores]:
    """By audio and fused; variants that are one model, as where the start serves for both, share their scores."""
    made: list[tuple[Variant, Scores, Scores]] = []
    for variant in (v for v in VARIANTS if v in gallery.vectors):
        twin = next((scores for other, *scores in made if _are_twins(gallery, variant, other)), None)
        vectors, record = gallery.vectors[variant], gallery.records[variant]
        audio, fused = twin or (cosine_rows(vectors.audio), fused_rows(vectors, record.audio_weight, record.hubness))
        made.append((variant, audio, fused))
    kinds = ("audio", "fused")
    return [MethodScores(f"{v}_{kind}", one) for v, *both in made for kind, one in zip(kinds, both, strict=True)]


def _are_twins(gallery: Gallery, first: Variant, second: Variant) -> bool:
    ours, theirs = gallery.records[first], gallery.records[second]
    if (ours.audio_weight, ours.hubness) != (theirs.audio_weight, theirs.hubness):
        return False
    one, other = gallery.vectors[first], gallery.vectors[second]
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(SongVectors))


def timbre_scores(workspace: Workspace, track_ids: list[str], config: PipelineConfig) -> GaussianScores:
    """How alike songs are by their Gaussians of timbre alone: of MFCC, or of their events' coefficients."""
    stored = dict(workspace.features(config).arrays(track_ids).select("track_id", "timbre").rows())
    return GaussianScores([gaussian(np.frombuffer(stored[t], np.float32)) for t in track_ids])


def start_scores(
    workspace: Workspace,
    track_ids: list[str],
    served: SongVectors,
    record: TrainingRecord,
    config: PipelineConfig,
    remember: bool = False,
) -> list[MethodScores]:
    """The served variant's untrained start, by audio and fused with the served weight; none of log-mels.

    Args:
        served: the songs by the served variant, whose lyric vectors these are as well.
        record: of the served variant.
        remember: see `body_means`.
    """
    start = ModelFiles(workspace.model(config.serve)).start()
    if start is None:
        return []
    audio = start.apply(body_means(workspace, track_ids, config, remember))
    vectors = SongVectors(audio, served.lyrics, stand_in=served.stand_in)
    return [
        MethodScores(f"{START}_audio", cosine_rows(audio)),
        MethodScores(f"{START}_fused", fused_rows(vectors, record.audio_weight)),
    ]


def measure(
    workspace: Workspace, gallery: Gallery, config: PipelineConfig, progress: Progress = lambda *_: None
) -> pl.DataFrame:
    """The metrics frame."""
    return evaluate(method_scores(workspace, gallery, config), gallery.protocols, config.evaluation, progress)
