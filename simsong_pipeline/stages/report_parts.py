"""What the evaluation report and the report card show alike: songs on a map, and queries with their answers to hear."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from simsong_pipeline.config import EvaluationConfig
from simsong_pipeline.evaluation import plots, report
from simsong_pipeline.evaluation.fusion import SongVectors
from simsong_pipeline.evaluation.metrics_frame import MethodScores
from simsong_pipeline.evaluation.ranking import rows_of, top_k
from simsong_pipeline.evaluation.task import Task
from simsong_pipeline.home.workspace import Workspace

# Beyond, dots hide each other, and placing them takes most of the report's time: a minute for 5,000.
_MAPPED_SONGS = 2_000
_FEWEST_ON_A_MAP = 5
_EXAMPLES = 5


def song_map(
    vectors: SongVectors, track_ids: Sequence[str], tracks: pl.DataFrame, tags: pl.DataFrame, seed: int
) -> str:
    """The songs where likeness puts them, each with its name for whoever points at it; of very many some are drawn.

    Args:
        vectors: rows in the order of `track_ids`.
    """
    if len(track_ids) < _FEWEST_ON_A_MAP:
        return report.paragraph("Too few songs for a map.")
    drawn = np.random.default_rng(seed).permutation(len(track_ids))[:_MAPPED_SONGS]
    rows = np.sort(drawn)
    ids, names = [track_ids[row] for row in rows], song_names(tracks)
    title = "t-SNE of the song vectors, coloured by the song's first tag"
    if len(ids) < len(track_ids):
        title += f"; {len(ids)} of {len(track_ids)} songs, drawn with the evaluation's seed"
    return plots.song_map(_project(vectors, rows, seed), _labels(ids, tracks, tags), [names[t] for t in ids], title)


def _project(vectors: SongVectors, rows: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    both = np.concatenate([vectors.audio[rows], vectors.lyrics[rows]], axis=1)
    perplexity = min(30.0, (len(rows) - 1) / 3)
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


def addresses(workspace: Workspace) -> dict[str, str]:
    """Where each recording lies that is at hand, seen from the report's folder, by track id."""
    folder = workspace.report.parent.resolve()
    rows = workspace.read("audio").filter(status="ok").select("track_id", "path").rows()
    return {t: _address(Path(path).resolve(), folder) for t, path in rows if Path(path).is_file()}


def _address(file: Path, folder: Path) -> str:
    """Relative, so that a home can be moved; from the root where they share nothing else."""
    below = os.path.commonpath([file, folder])
    return quote(os.path.relpath(file, folder)) if below != file.anchor else file.as_uri()


def examples(
    workspace: Workspace,
    served: MethodScores,
    task: Task,
    track_ids: Sequence[str],
    tracks: pl.DataFrame,
    config: EvaluationConfig,
) -> str:
    """Queries drawn with the evaluation's seed, so that nobody chose the pretty ones, with their answers."""
    names, recordings = song_names(tracks), addresses(workspace)
    songs = [report.Song(names[t], recordings.get(t)) for t in track_ids]
    rows = np.flatnonzero(task.queries)
    drawn = np.random.default_rng(config.seed).permutation(rows)[:_EXAMPLES]
    chosen = replace(task, relevant=task.relevant[drawn], asked=task.asked[drawn])
    ranked, scores = top_k(served.scores, chosen, config.k), rows_of(served.scores, chosen.asked)
    right = chosen.hits(np.arange(len(drawn))[:, None], ranked)
    return report.examples(
        [
            report.Example(
                songs[query],
                [
                    report.Answer(songs[c], float(scores[row, c]), bool(right[row, place]))
                    for place, c in enumerate(ranked[row])
                    if c >= 0
                ],
            )
            for row, query in enumerate(chosen.asked)
        ]
    )
