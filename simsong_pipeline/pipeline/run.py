"""The whole lineage in one call: what `simsong run` does, and what Dagster does asset by asset."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from simsong_pipeline.config import VARIANTS, PipelineConfig, Variant
from simsong_pipeline.evaluation.quality import better_than_chance
from simsong_pipeline.pipeline import catalogue_stages as stages
from simsong_pipeline.pipeline import raw
from simsong_pipeline.pipeline.embedding_stage import embed_variant, load_encoder
from simsong_pipeline.pipeline.evaluation_stage import EvaluationFrames, measure_and_record
from simsong_pipeline.pipeline.events import Events
from simsong_pipeline.pipeline.export_stage import export_variant
from simsong_pipeline.pipeline.index_stage import IndexFrames, publish_variant
from simsong_pipeline.pipeline.model_files import ModelFiles
from simsong_pipeline.pipeline.report_stage import ReportFrames, write_report
from simsong_pipeline.pipeline.training_data import TrainingFrames
from simsong_pipeline.pipeline.training_stage import TrainingOutcome, train_variant
from simsong_pipeline.pipeline.workspace import SourceConfig, Workspace
from simsong_pipeline.refresh import Refreshed
from simsong_pipeline.stores.qdrant_store import server_url


@dataclass(frozen=True)
class RunSummary:
    """What a run did. A song counts once, whatever the number of variants.

    Attributes:
        tracks: raw tracks, usable or not.
        excluded: tracks that were left out.
        embedded: songs with a vector computed in this run.
        unchanged: songs whose vectors were all taken over.
        upserted: songs written to the index.
        unreadable: raw files that could not be read.
    """

    tracks: int
    excluded: int
    embedded: int
    unchanged: int
    upserted: int
    seconds: float
    unreadable: list[str]


@dataclass(frozen=True)
class PreparedFrames:
    raw_tracks: pl.DataFrame
    tracks: pl.DataFrame
    similarity: pl.DataFrame
    tags: pl.DataFrame
    audio: pl.DataFrame
    segment_features: pl.DataFrame
    lyrics: pl.DataFrame
    lyric_embeddings: pl.DataFrame
    splits: pl.DataFrame
    exclusions: pl.DataFrame


def run(
    workspace: Workspace,
    source: SourceConfig,
    config: PipelineConfig,
    now: datetime,
    events: Events,
    retrain: bool = False,
    publish_anyway: bool = False,
    promote_anyway: bool = False,
) -> RunSummary:
    """Read, prepare, train where there is no model of this recipe, embed, evaluate, report, index.

    Vectors that are no better than chance are not indexed unless `publish_anyway`.

    Raises:
        SimSongError: with a message for the person who runs it; nothing half-written stays.
    """
    started = time.monotonic()
    run_id = uuid.uuid4().hex
    with workspace.lock():
        _ask_server(workspace, config)
        workspace.fence.claim(run_id)
        frames = prepare(workspace, source, config, events)
        if not publish_anyway:
            stages.refuse_unanswerable(frames.splits, frames.similarity)
        outcomes = _train(workspace, frames, config, events, retrain, promote_anyway)
        refreshed = _embed(workspace, frames, config, events)
        if stages.is_answerable(frames.splits, frames.similarity):
            _evaluate(workspace, frames, refreshed, config, events)
        else:
            events.note("no test song has a related one: indexed without measuring anything")
        upserted = _index(workspace, frames, refreshed, config, now, events, publish_anyway, run_id)
        workspace.save_config(config)
        workspace.save_source(source)
    _note_stale(outcomes, events)
    return _summary(frames, refreshed, upserted, started)


def refresh(
    workspace: Workspace,
    source: SourceConfig,
    config: PipelineConfig,
    now: datetime,
    events: Events,
    publish_anyway: bool = False,
) -> RunSummary:
    """A night's work and no more: embed and index what is new or changed, by the present models.

    Nothing is trained, evaluated or reported; the quality that the last evaluation found still decides.

    Raises:
        SimSongError: as `run`; also where there is no model yet.
    """
    started, run_id = time.monotonic(), uuid.uuid4().hex
    with workspace.lock():
        for variant in VARIANTS:
            ModelFiles(workspace.model(variant)).export()
        _ask_server(workspace, config)
        workspace.fence.claim(run_id)
        frames = prepare(workspace, source, config, events)
        refreshed = _embed(workspace, frames, config, events)
        upserted = _index(workspace, frames, refreshed, config, now, events, publish_anyway, run_id)
    return _summary(frames, refreshed, upserted, started)


def _summary(
    frames: "PreparedFrames", refreshed: dict[Variant, Refreshed], upserted: int, started: float
) -> RunSummary:
    embedded = max(r.embedded for r in refreshed.values())
    songs = frames.segment_features.height
    return RunSummary(
        tracks=frames.raw_tracks.height,
        excluded=frames.raw_tracks.height - songs,
        embedded=embedded,
        unchanged=songs - embedded,
        upserted=upserted,
        seconds=round(time.monotonic() - started, 1),
        unreadable=[
            *frames.raw_tracks["unreadable"].drop_nulls().to_list(),
            *frames.exclusions.filter(pl.col("stage") == "lastfm")["reason"].to_list(),
        ],
    )


def _ask_server(workspace: Workspace, config: PipelineConfig) -> None:
    """A server that does not answer, or refuses the key, should say so before hours of work."""
    if server_url(config.store) is not None:
        with workspace.store(config.store) as store:
            store.ping()


def prepare(workspace: Workspace, source: SourceConfig, config: PipelineConfig, events: Events) -> PreparedFrames:
    events.stage("reading raw data")
    workspace.write("library_files", raw.read_library(workspace, source, events.progress))
    raw_tracks = workspace.write("msd_tracks", raw.read_tracks(workspace, source))
    listening = raw.read_listening(workspace, source, raw_tracks, config.evaluation.relevance)
    similarity = workspace.write("lastfm_similarity", listening.similarity)
    tags = workspace.write("lastfm_tags", listening.tags)
    workspace.write("lastfm_exclusions", listening.exclusions)
    files = workspace.write("youtube_audio", raw.find_audio(workspace, source))
    pages = workspace.write("genius_lyrics", raw.read_lyric_pages(workspace, source))
    catalogue = stages.make_catalogue(workspace, source, raw_tracks, config)
    tracks = workspace.write("tracks", catalogue.tracks)
    workspace.write("track_exclusions", catalogue.exclusions)
    events.note(f"{tracks.height} of {raw_tracks.height} tracks can be used")
    events.stage("decoding audio")
    audio = stages.make_audio(workspace, tracks, files, config, events.progress)
    workspace.write("audio", audio.audio)
    workspace.write("segment_features", audio.segment_features)
    events.note(f"{audio.decoded} recordings decoded, {audio.segment_features.height} usable in all")
    events.stage("embedding lyrics")
    lyrics = workspace.write("lyrics", stages.make_lyrics(tracks, pages))
    previous = workspace.read_if_there("lyric_embeddings")
    embeddings = stages.make_lyric_embeddings(lyrics, previous, config, events.progress)
    workspace.write("lyric_embeddings", embeddings.frame)
    events.note(f"{embeddings.embedded} lyrics embedded, {embeddings.frame.height} in all")
    exclusions = stages.make_exclusions(catalogue.exclusions, listening.exclusions, audio.audio, lyrics)
    workspace.write("exclusions", exclusions)
    splits = workspace.write("splits", stages.make_splits(workspace, tracks, audio.audio, config))
    return PreparedFrames(
        raw_tracks,
        tracks,
        similarity,
        tags,
        audio.audio,
        audio.segment_features,
        lyrics,
        embeddings.frame,
        splits,
        exclusions,
    )


def _train(
    workspace: Workspace,
    frames: PreparedFrames,
    config: PipelineConfig,
    events: Events,
    retrain: bool,
    promote_anyway: bool,
) -> dict[Variant, TrainingOutcome]:
    inputs = TrainingFrames(
        frames.tracks, frames.splits, frames.similarity, frames.segment_features, frames.lyric_embeddings
    )
    outcomes: dict[Variant, TrainingOutcome] = {}
    for variant in VARIANTS:
        events.stage(f"training {variant.upper()}")
        outcomes[variant] = train_variant(
            workspace, variant, inputs, config, events.training_progress, retrain, promote_anyway
        )
        events.note(_training_line(outcomes[variant]))
        if outcomes[variant].verdict:
            events.note(outcomes[variant].verdict)
        features = workspace.features(config.log_mel).reader(frames.segment_features)
        export = export_variant(workspace, variant, features, config)
        events.note(
            f"ONNX agrees with torch: cosine {export.min_cosine:.6f}, top-10 overlap {export.top_10_overlap:.4f}"
        )
    return outcomes


def _training_line(outcome: TrainingOutcome) -> str:
    record, figures = outcome.record, outcome.figures()
    parts = [f"step {record.best_step}", f"audio weight {record.audio_weight:g}"]
    if not outcome.promoted:
        parts.insert(0, "present model kept")
    if record.validation_recall is not None:
        parts.append(f"validation recall {record.validation_recall:.3f}")
    if record.lyric_temperature is not None:
        parts += [f"lyric temperature {record.lyric_temperature:.3f}", f"weight spread {figures['weight_spread']:.2f}"]
    if outcome.speed:
        used = outcome.speed["utilisation"]
        parts.append(f"{outcome.speed['segments_per_s']:.0f} segments a second, {used:.0%} of the processor in use")
    return f"{record.variant.upper()}: {', '.join(parts)}"


def _embed(
    workspace: Workspace, frames: PreparedFrames, config: PipelineConfig, events: Events
) -> dict[Variant, Refreshed]:
    refreshed: dict[Variant, Refreshed] = {}
    for variant in VARIANTS:
        events.stage(f"embedding songs with {variant.upper()}")
        encoder = load_encoder(workspace, variant, config)
        result = embed_variant(
            workspace,
            variant,
            frames.segment_features,
            frames.lyric_embeddings,
            config,
            events.progress,
            encoder,
        )
        workspace.write(f"{variant}/track_vectors", result.vectors)
        events.note(f"{result.embedded} songs embedded, {result.unchanged} unchanged; {encoder.describe()}")
        refreshed[variant] = result
    return refreshed


def _index(
    workspace: Workspace,
    frames: PreparedFrames,
    refreshed: dict[Variant, Refreshed],
    config: PipelineConfig,
    now: datetime,
    events: Events,
    publish_anyway: bool,
    run_id: str,
) -> int:
    inputs = IndexFrames(frames.tracks, frames.audio, frames.lyrics, frames.tags)
    upserted = 0
    events.stage("writing the index")
    for variant, result in refreshed.items():
        change = publish_variant(workspace, variant, result.vectors, inputs, config, now, publish_anyway, run_id)
        upserted = max(upserted, change.upserted)
        events.note(f"{variant.upper()}: {change.upserted} written, {change.deleted} deleted, {change.total} in Qdrant")
    return upserted


def _evaluate(
    workspace: Workspace,
    frames: PreparedFrames,
    refreshed: dict[Variant, Refreshed],
    config: PipelineConfig,
    events: Events,
) -> None:
    events.stage("evaluating")
    vectors = {variant: result.vectors for variant, result in refreshed.items()}
    inputs = EvaluationFrames(frames.tracks, frames.splits, frames.similarity, vectors)
    metrics = _measure_and_report(
        workspace, ReportFrames(inputs, frames.tags, frames.exclusions), frames.segment_features, config
    )
    events.note(better_than_chance(metrics, config).text)
    events.note(f"report: {workspace.report}")


def _note_stale(outcomes: dict[Variant, TrainingOutcome], events: Events) -> None:
    stale = [variant.upper() for variant, outcome in outcomes.items() if outcome.stale]
    if stale:
        events.note(f"{' and '.join(stale)} were trained on an earlier state of the catalogue; --retrain trains again")


def evaluate_again(workspace: Workspace, config: PipelineConfig) -> pl.DataFrame:
    """Measure the vectors of the last run and write metrics and report anew."""
    with workspace.lock():
        inputs, segment_features = read_evaluation_frames(workspace), workspace.read("segment_features")
        report = ReportFrames(inputs, workspace.read("lastfm_tags"), workspace.read("exclusions"))
        return _measure_and_report(workspace, report, segment_features, config)


def _measure_and_report(
    workspace: Workspace, frames: ReportFrames, segment_features: pl.DataFrame, config: PipelineConfig
) -> pl.DataFrame:
    metrics = workspace.write("metrics", measure_and_record(workspace, frames.evaluation, segment_features, config))
    write_report(workspace, metrics, frames, workspace.features(config.log_mel).reader(segment_features), config)
    return metrics


def read_evaluation_frames(workspace: Workspace) -> EvaluationFrames:
    """The frames of the last run that evaluation needs."""
    vectors = {variant: workspace.read(f"{variant}/track_vectors") for variant in VARIANTS}
    tracks, splits = workspace.read("tracks"), workspace.read("splits")
    return EvaluationFrames(tracks, splits, workspace.read("lastfm_similarity"), vectors)
