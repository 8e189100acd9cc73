"""Puts the evaluation report together and writes it."""

import html
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation import plots, report
from simsong_pipeline.evaluation.fusion import SongVectors
from simsong_pipeline.evaluation.metrics_frame import MethodScores
from simsong_pipeline.evaluation.quality import UNMEASURED, quality_of
from simsong_pipeline.evaluation.retrieval import Task, top_k
from simsong_pipeline.files import write_bytes
from simsong_pipeline.pipeline.evaluation_stage import EvaluationFrames, Gallery, build_gallery, method_scores
from simsong_pipeline.pipeline.workspace import Workspace

_MAPPED_SONGS = 5_000
_EXAMPLES = 5


@dataclass(frozen=True)
class ReportFrames:
    """The frames that the report reads."""

    evaluation: EvaluationFrames
    tags: pl.DataFrame
    exclusions: pl.DataFrame


def write_report(workspace: Workspace, metrics: pl.DataFrame, frames: ReportFrames, config: PipelineConfig) -> None:
    """Write the self-contained HTML page `workspace.report`; where nothing could be measured it says so."""
    if not metrics.height:
        sections = [report.Section("Left out", _left_out(frames.exclusions))]
        page = report.page("SimSong evaluation", f"{UNMEASURED.capitalize()}.", sections)
        write_bytes(workspace.report, page.encode())
        return
    gallery, tracks = build_gallery(workspace, frames.evaluation, config), frames.evaluation.tracks
    scores = {m.name: m for m in method_scores(workspace, gallery, config)}
    served = scores[f"{config.serve}_fused"]
    task = gallery.protocols["unfiltered"]
    shown = {n: scores[n].scores for n in ("mfcc", f"{config.serve}_audio", served.name)}
    sections = [
        report.Section("Recall@k and Precision@k", _bars(metrics, gallery, config)),
        report.Section("Training", _training(gallery)),
        report.Section(
            "Scores of related and unrelated songs",
            report.picture(plots.score_histograms(shown, task), "histograms of scores"),
        ),
        report.Section("Map of the test songs", _map(gallery, tracks, frames.tags, config)),
        report.Section(
            "Hubs",
            report.picture(plots.hub_distribution(shown, task, config.evaluation.k), "how often songs are recommended"),
        ),
        report.Section("Five queries", report.examples(_examples(workspace, served, task, gallery, tracks, config))),
        report.Section("What the figures mean", report.glossary()),
        report.Section("All figures", report.figures(metrics)),
        report.Section("Left out", _left_out(frames.exclusions)),
    ]
    page = report.page("SimSong evaluation", _lead(metrics, gallery, config), sections)
    write_bytes(workspace.report, page.encode())


def _lead(metrics: pl.DataFrame, gallery: Gallery, config: PipelineConfig) -> str:
    """The one figure that matters, in words, with the verdict."""
    verdict = quality_of(metrics, config)
    return (
        f"<strong>{verdict.outcome.value.capitalize()}</strong>. {html.escape(verdict.text)}. Asked among "
        f"{len(gallery.track_ids)} test songs of artists that no model was trained on."
    )


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


def _map(gallery: Gallery, tracks: pl.DataFrame, tags: pl.DataFrame, config: PipelineConfig) -> str:
    ids = gallery.track_ids[:_MAPPED_SONGS]
    if len(ids) < 5:
        return report.paragraph("Too few test songs for a map.")
    points = _project(gallery.vectors[config.serve], len(ids), config.evaluation.seed)
    title = "t-SNE of the song vectors, coloured by the song's first tag"
    names = song_names(tracks)
    return plots.song_map(points, _labels(ids, tracks, tags), [names[t] for t in ids], title)


def _project(vectors: SongVectors, count: int, seed: int) -> NDArray[np.float64]:
    both = np.concatenate([vectors.audio, vectors.lyrics], axis=1)[:count]
    perplexity = min(30.0, (count - 1) / 3)
    points: NDArray[np.float64] = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(
        both
    )
    return points


def _labels(ids: list[str], tracks: pl.DataFrame, tags: pl.DataFrame) -> list[str]:
    """The tag of the highest weight, else the genre, else the artist."""
    first = tags.sort("weight", descending=True, maintain_order=True).unique("track_id", keep="first")
    rows = pl.DataFrame({"track_id": ids}).join(tracks, on="track_id", how="left", maintain_order="left")
    rows = rows.join(first, on="track_id", how="left", maintain_order="left")
    return rows.select(pl.coalesce("tag", "genre", "artist_name"))["tag"].to_list()


def song_names(tracks: pl.DataFrame) -> dict[str, str]:
    """Artist and title by track id."""
    return {t: f"{artist} – {title}" for t, artist, title in tracks.select("track_id", "artist_name", "title").rows()}


def addresses(workspace: Workspace, names: dict[str, str]) -> dict[str, str]:
    """Where each recording lies that is at hand, seen from the report's folder, by the song's name."""
    folder = workspace.report.parent.resolve()
    rows = workspace.read("audio").filter(status="ok").select("track_id", "path").rows()
    return {names[t]: _address(Path(path).resolve(), folder) for t, path in rows if t in names and Path(path).is_file()}


def _address(file: Path, folder: Path) -> str:
    """Relative, so that a home can be moved; from the root where they share nothing else."""
    below = os.path.commonpath([file, folder])
    return quote(os.path.relpath(file, folder)) if below != file.anchor else file.as_uri()


def _examples(
    workspace: Workspace,
    served: MethodScores,
    task: Task,
    gallery: Gallery,
    tracks: pl.DataFrame,
    config: PipelineConfig,
) -> list[report.Example]:
    """Queries drawn with the evaluation's seed, so that nobody chose the pretty ones."""
    names = song_names(tracks)
    recordings = addresses(workspace, names)
    rows = np.flatnonzero(task.queries)
    drawn = np.random.default_rng(config.evaluation.seed).permutation(rows)[:_EXAMPLES]
    ranked = top_k(served.scores, task, config.evaluation.k)
    return [
        report.Example(
            names[gallery.track_ids[q]],
            [
                (names[gallery.track_ids[c]], float(served.scores[q, c]), bool(task.relevant[q, c]))
                for c in ranked[q]
                if c >= 0
            ],
            recordings,
        )
        for q in drawn
    ]


def _left_out(exclusions: pl.DataFrame) -> str:
    if not exclusions.height:
        return report.paragraph("Nothing was left out.")
    counted = exclusions.with_columns(pl.col("reason").str.replace(r":.*", "").alias("kind"))
    counts = counted.group_by("stage", "kind").len("rows").sort("stage", "kind")
    return report.table(counts) + report.table(exclusions.head(200))
