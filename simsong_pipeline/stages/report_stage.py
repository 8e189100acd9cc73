"""Puts the evaluation report together and writes it."""

import html
import os
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation import plots, report
from simsong_pipeline.evaluation.quality import HOW_TO_MEASURE, UNMEASURED, quality_of
from simsong_pipeline.files import write_bytes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.stages.evaluation_stage import EvaluationFrames, Gallery, build_gallery, method_scores
from simsong_pipeline.stages.report_parts import examples, song_map

_SHOWN = 200


@dataclass(frozen=True)
class ReportFrames:
    """The frames that the report reads."""

    evaluation: EvaluationFrames
    tags: pl.DataFrame
    exclusions: pl.DataFrame


def write_report(
    workspace: Workspace,
    metrics: pl.DataFrame,
    frames: ReportFrames,
    config: PipelineConfig,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> None:
    """Write the self-contained HTML page `workspace.report`; where nothing could be measured it says so."""
    page = _measured(workspace, metrics, frames, config, progress) if metrics.height else _unmeasured(workspace, frames)
    write_bytes(workspace.report, page.encode())


def _unmeasured(workspace: Workspace, frames: ReportFrames) -> str:
    sections = [
        report.Section("What to do", report.paragraph(HOW_TO_MEASURE)),
        report.Section("Left out", _left_out(workspace, frames.exclusions)),
    ]
    return report.page("SimSong evaluation", f"<strong>{UNMEASURED.capitalize()}.</strong>", sections)


def _measured(
    workspace: Workspace,
    metrics: pl.DataFrame,
    frames: ReportFrames,
    config: PipelineConfig,
    progress: Callable[[int, int], None],
) -> str:
    gallery, tracks = build_gallery(workspace, frames.evaluation, config), frames.evaluation.tracks
    scores = {m.name: m for m in method_scores(workspace, gallery, config)}
    served = scores[f"{config.serve}_fused"]
    task, k = gallery.protocols["unfiltered"], config.evaluation.k
    compared = {n: scores[n].scores for n in ("mfcc", f"{config.serve}_audio", served.name)}
    shown = {report.method_name(name): matrix for name, matrix in compared.items()}
    vectors, ids = gallery.vectors[config.serve], gallery.track_ids
    parts: dict[str, Callable[[], str]] = {
        f"Recall@{k} and Precision@{k}": lambda: _bars(metrics, gallery, config),
        "Training": lambda: _training(gallery),
        "Scores of related and unrelated songs": lambda: report.picture(
            plots.score_histograms(shown, task), "histograms of scores"
        ),
        "Map of the test songs": lambda: song_map(vectors, ids, tracks, frames.tags, config.evaluation.seed),
        "Hubs": lambda: report.picture(plots.hub_distribution(shown, task, k), "how often songs are recommended"),
        "Five queries": lambda: examples(workspace, served, task, ids, tracks, config.evaluation),
        "What the figures mean": lambda: report.glossary(k),
        "All figures": lambda: report.figures(metrics),
        "Left out": lambda: _left_out(workspace, frames.exclusions),
    }
    sections = []
    for done, (title, body) in enumerate(parts.items()):
        progress(done, len(parts))
        sections.append(report.Section(title, body()))
    progress(len(parts), len(parts))
    return report.page("SimSong evaluation", _lead(metrics, gallery, config), sections)


def _lead(metrics: pl.DataFrame, gallery: Gallery, config: PipelineConfig) -> str:
    """The one figure that matters, in words, with the verdict."""
    verdict = quality_of(metrics, config)
    return (
        f"<strong>{verdict.outcome.value.capitalize()}</strong>. {html.escape(verdict.text)}. Asked among "
        f"{len(gallery.track_ids)} test songs of artists that no model was trained on{asked_of(gallery)}."
    )


def asked_of(gallery: Gallery) -> str:
    """Which of very many test songs were queries."""
    asked = len(gallery.protocols["unfiltered"].asked)
    if asked == len(gallery.track_ids):
        return ""
    return f", of which {asked} that have a related one were the queries, drawn with the evaluation's seed"


def _bars(metrics: pl.DataFrame, gallery: Gallery, config: PipelineConfig) -> str:
    protocols = list(gallery.protocols)
    names = [f"{m}_at_{config.evaluation.k}" for m in ("recall", "precision")]
    return "".join(report.picture(plots.metric_bars(metrics, name, protocols), name) for name in names)


def _training(gallery: Gallery) -> str:
    trained: dict[str, list[dict[str, float]]] = {v: r.history for v, r in gallery.records.items() if r.history}
    facts = [
        (
            variant.upper(),
            record.songs,
            "untrained start" if record.is_start else str(record.best_step),
            record.validation_recall,
            record.audio_weight,
            record.lyric_temperature,
            record.history[-1]["weight_spread"] if record.history else None,
            record.note,
        )
        for variant, record in gallery.records.items()
    ]
    columns = (
        "variant",
        "training songs",
        "step kept",
        "validation recall",
        "audio weight",
        "lyric temperature",
        "weight spread",
        "beside the start",
    )
    shown = report.table(pl.DataFrame(facts, schema=columns, orient="row", infer_schema_length=None))
    curves = report.picture(plots.training_curves(trained), "training curves") if trained else ""
    return curves + shown


def _left_out(workspace: Workspace, exclusions: pl.DataFrame) -> str:
    if not exclusions.height:
        return report.paragraph("Nothing was left out.")
    counted = exclusions.with_columns(pl.col("reason").str.replace(r":.*", "").alias("kind"))
    counts = counted.group_by("stage", "kind").len("rows").sort("stage", "kind")
    shown = exclusions.head(_SHOWN)
    table = os.path.relpath(workspace.exclusions_csv, workspace.report.parent)
    whole = report.link(f"All {exclusions.height}, as a table for other programs", table)
    return report.table(counts) + whole + report.table(shown)
