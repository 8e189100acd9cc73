"""The whole lineage in one call: what `simsong run` does, and what Dagster does asset by asset."""

import time
from dataclasses import replace

import polars as pl

from simsong_pipeline.config import VARIANTS, PipelineConfig, Variant
from simsong_pipeline.evaluation.quality import quality_of
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.hearing import with_available_encoder, with_events_alone
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs import ledger
from simsong_pipeline.runs.ahead import Ahead, usable_encoders
from simsong_pipeline.runs.lineage import (
    Embedded,
    PreparedFrames,
    ask_servers,
    embed,
    index,
    prepare,
    summary_of,
    versions_of,
)
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.stages.evaluation_stage import EvaluationFrames, measure_and_record
from simsong_pipeline.stages.export_stage import export_variant
from simsong_pipeline.stages.letting_go import let_go
from simsong_pipeline.stages.report_stage import ReportFrames, write_report
from simsong_pipeline.stages.training_data import TrainingFrames
from simsong_pipeline.stages.training_stage import TrainingOutcome, train_variant


def run(wanted: Run) -> RunSummary:
    """Read, prepare, train where there is no model of this recipe, embed, evaluate, report, index.

    Vectors that were measured and are not clearly above chance are not indexed unless that is wished. Where nothing can
    be measured, the untrained start is.

    Raises:
        SimSongError: with a message for the person who runs it; nothing half-written stays.
    """
    started, workspace = time.monotonic(), wanted.workspace
    with workspace.lock():
        workspace.settle_buckets(wanted.config.home.buckets)
        ask_servers(wanted)
        named = wanted.wishes.encoder_named
        heard = with_events_alone(workspace, wanted.source, wanted.config, wanted.events, named)
        run = replace(wanted, config=with_available_encoder(workspace, heard, wanted.events))
        workspace.claim_when_writing(run.run_id)
        workspace.clear_unfinished(run.now)
        listing = ledger.listed(run)
        ahead = Ahead(workspace, run.config, {} if run.wishes.retrain else usable_encoders(workspace, run.config))
        frames = prepare(run, ahead)
        ahead.rest()
        outcomes = _train(run, frames)
        # As training left it.
        frames = replace(frames, segment_features=workspace.read("segment_features"))
        refreshed = embed(run, frames, ahead)
        _evaluate(run, frames, refreshed)
        indexed = index(run, frames, refreshed)
        workspace.save_config(run.config)
        workspace.save_source(run.source.config)
        summary = summary_of(frames, refreshed, indexed.upserted, started)
        let_go(run)
        ledger.settle(run, listing, versions_of(refreshed), indexed.served, summary)
    _note_stale(outcomes, run.events)
    return summary


def _train(run: Run, frames: PreparedFrames) -> dict[Variant, TrainingOutcome]:
    inputs = TrainingFrames(
        frames.tracks, frames.splits, frames.similarity, frames.segment_features, frames.lyric_embeddings
    )
    workspace, config, events = run.workspace, run.config, run.events
    outcomes: dict[Variant, TrainingOutcome] = {}
    for variant in VARIANTS:
        events.stage(f"training {variant.upper()}")
        outcomes[variant] = train_variant(run, variant, inputs)
        events.note(_training_line(outcomes[variant]))
        if outcomes[variant].verdict:
            events.note(outcomes[variant].verdict)
        # Training may have heard songs again that came into its parts, whose files were others before.
        inputs = replace(inputs, segment_features=workspace.read("segment_features"))
        features = workspace.features(config).reader(inputs.segment_features)
        export = export_variant(workspace, variant, features, config)
        events.note(
            f"ONNX agrees with torch: cosine {export.min_cosine:.6f}, top-10 overlap {export.top_10_overlap:.4f}"
        )
    return outcomes


def _training_line(outcome: TrainingOutcome) -> str:
    record, figures = outcome.record, outcome.figures()
    parts = ["untrained start" if record.is_start else f"step {record.best_step}"]
    parts.append(f"audio weight {record.audio_weight:g}")
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


def _evaluate(run: Run, frames: PreparedFrames, refreshed: dict[Variant, Embedded]) -> None:
    workspace, config, events = run.workspace, run.config, run.events
    events.stage("evaluating")
    vectors = {variant: workspace.read(f"{variant}/track_vectors") for variant in refreshed}
    inputs = EvaluationFrames(frames.tracks, frames.splits, frames.similarity, vectors)
    metrics = _measure_and_report(workspace, ReportFrames(inputs, frames.tags, frames.exclusions), config, events)
    events.note(quality_of(metrics, config).text)
    events.note(f"report: {workspace.report}")


def _note_stale(outcomes: dict[Variant, TrainingOutcome], events: Events) -> None:
    stale = [variant.upper() for variant, outcome in outcomes.items() if outcome.stale]
    if stale:
        events.note(f"{' and '.join(stale)} were trained on an earlier state of the catalogue; --retrain trains again")


def evaluate_again(workspace: Workspace, config: PipelineConfig, events: Events) -> pl.DataFrame:
    """Measure the vectors of the last run and write metrics and report anew."""
    events.stage("evaluating")
    with workspace.lock():
        inputs = read_evaluation_frames(workspace)
        report = ReportFrames(inputs, workspace.read("lastfm_tags"), workspace.read("exclusions"))
        return _measure_and_report(workspace, report, config, events)


def _measure_and_report(
    workspace: Workspace, frames: ReportFrames, config: PipelineConfig, events: Events
) -> pl.DataFrame:
    metrics = workspace.write("metrics", measure_and_record(workspace, frames.evaluation, config, events.progress))
    events.stage("writing the report")
    write_report(workspace, metrics, frames, config, events.progress)
    return metrics


def read_evaluation_frames(workspace: Workspace) -> EvaluationFrames:
    """The frames of the last run that evaluation needs."""
    vectors = {variant: workspace.read(f"{variant}/track_vectors") for variant in VARIANTS}
    tracks, splits = workspace.read("tracks"), workspace.read("splits")
    return EvaluationFrames(tracks, splits, workspace.read("lastfm_similarity"), vectors)
