"""Does it beat chance on your music? A page that says so, from what a library itself tells."""

import html
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from simsong_pipeline.artist_ids import named_in
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import EvaluationError
from simsong_pipeline.evaluation import card, plots, report
from simsong_pipeline.evaluation.baselines import RandomScores
from simsong_pipeline.evaluation.fusion import SongVectors, cosine_rows, fused_rows
from simsong_pipeline.evaluation.ground_truth import artist_numbers, relevance_matrix
from simsong_pipeline.evaluation.metrics_frame import TIMBRE, MethodScores, evaluate
from simsong_pipeline.evaluation.quality import Outcome, in_words, judged
from simsong_pipeline.evaluation.task import Task
from simsong_pipeline.files import write_bytes, write_json
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.links import PLAYLIST, STARRED, links_of, lists_of_songs
from simsong_pipeline.home.model_files import ModelFiles, TrainingRecord
from simsong_pipeline.home.song_paths import songs_by_path
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.playlists import Playlist
from simsong_pipeline.stages.evaluation_stage import (
    as_indexed,
    refuse_other_model,
    song_vectors,
    start_scores,
    timbre_scores,
)
from simsong_pipeline.stages.report_parts import examples, song_map


@dataclass(frozen=True)
class ReportCard:
    """Figures by ground truth (column `protocol`) and method, one verdict a ground truth, and the page."""

    metrics: pl.DataFrame
    verdicts: dict[str, str]
    path: Path


@dataclass(frozen=True)
class _Library:
    track_ids: list[str]
    tracks: pl.DataFrame
    queries: np.ndarray
    matched: int
    unmatched: list[str]
    playlists: list[list[str]]
    server_lists: dict[str, list[list[str]]]


def write_card(
    workspace: Workspace, config: PipelineConfig, playlists: list[Playlist], max_songs: int, events: Events
) -> ReportCard:
    """Measure the served variant on every ground truth that the library has, and write one page.

    Queries are the songs that the model was neither trained nor validated on; their artists are new to it as well.

    Args:
        playlists: a person's own; empty where there are none.
        max_songs: a larger library is sampled.

    Raises:
        EvaluationError: every song was trained on, or no ground truth relates two songs.
    """
    events.stage("asking your songs")
    variant = config.serve
    record = ModelFiles(workspace.model(variant)).training()
    vectors = workspace.read(f"{variant}/track_vectors")
    if record is None:
        raise EvaluationError(f"no trained model of {variant} in {workspace.home}: run `simsong run`")
    refuse_other_model(workspace, variant, vectors)
    library = _library(workspace, vectors, record, playlists, max_songs, config)
    tasks = _tasks(workspace, library, config)
    if not tasks:
        raise EvaluationError(
            "nothing could be measured, as nothing in this library says which songs belong together: no playlist, "
            "album, artist or similarity has two of its songs, one of them new to the model. Give playlists "
            "(--playlists, or those of a server by `simsong link`), or tag the files"
        )
    songs = as_indexed(song_vectors(vectors, library.track_ids), workspace, variant, record)
    methods = [
        MethodScores("random", RandomScores(len(library.track_ids), config.evaluation.seed)),
        MethodScores(TIMBRE, timbre_scores(workspace, library.track_ids, config)),
        *start_scores(workspace, library.track_ids, songs, record, config),
        MethodScores("audio", cosine_rows(songs.audio)),
        MethodScores("fused", fused_rows(songs, record.audio_weight, record.hubness)),
    ]
    metrics = evaluate(methods, tasks, config.evaluation, events.progress)
    verdicts = {name: verdict(metrics, name, config.evaluation.k) for name in tasks}
    path = workspace.home / "report" / "card.html"
    events.stage("writing the report card")
    shown = [
        report.Section("Some of your songs", _examples(workspace, methods[-1], tasks, library, config)),
        report.Section("Map of your songs", _map(workspace, songs, library, config)),
    ]
    write_bytes(path, _page(metrics, verdicts, library, config, shown).encode())
    # For whoever shows the figures otherwise.
    write_json(path.with_suffix(".json"), {"verdicts": verdicts, "metrics": list(metrics.iter_rows(named=True))})
    return ReportCard(metrics, verdicts, path)


def _library(
    workspace: Workspace,
    vectors: pl.DataFrame,
    record: TrainingRecord,
    playlists: list[Playlist],
    max_songs: int,
    config: PipelineConfig,
) -> _Library:
    tracks = workspace.read("tracks").join(vectors, on="track_id", how="semi").sort("track_id")
    if tracks.height > max_songs:
        drawn = np.random.default_rng(config.evaluation.seed).choice(tracks.height, max_songs, replace=False)
        tracks = tracks[sorted(drawn.tolist())]
    ids = tracks["track_id"].to_list()
    heard = named_in(tracks).filter(pl.col("artist_id").is_in(record.artists))["track_id"]
    known = tracks["track_id"].is_in(record.tracks) | tracks["track_id"].is_in(heard.implode())
    queries = ~known.to_numpy()
    if not queries.any():
        raise EvaluationError("the model was trained on every song of this library, so none is left to ask about")
    at = songs_by_path(workspace)
    entries = [(str(path), at.get(str(path))) for playlist in playlists for path in playlist.paths]
    listed = [[at[str(p)] for p in playlist.paths if str(p) in at] for playlist in playlists]
    return _Library(
        ids,
        tracks,
        queries,
        sum(t is not None for _, t in entries),
        [p for p, t in entries if t is None],
        listed,
        _server_lists(workspace),
    )


def _server_lists(workspace: Workspace) -> dict[str, list[list[str]]]:
    """Of the linked music server, by what they are: its user's playlists, and the list of what is starred."""
    link = links_of(workspace).link
    kinds = {"server playlists": PLAYLIST, "server stars": STARRED}
    return {} if link is None else {name: lists_of_songs(workspace, link, kind) for name, kind in kinds.items()}


def _tasks(workspace: Workspace, library: _Library, config: PipelineConfig) -> dict[str, Task]:
    """A task for each ground truth that relates at least one query to a song."""
    artists = artist_numbers(library.tracks, library.track_ids)
    found = {}
    for name, lists in {"playlists": library.playlists, **library.server_lists}.items():
        together = card.in_one_playlist(lists, library.track_ids)
        found[name] = card.asked_of(together, library.queries)
        found[f"{name}, other artists"] = card.asked_of(together, library.queries, artists)
    found |= {
        "album": card.asked_of(card.same_group(card.album_labels(library.tracks)), library.queries),
        "artist": card.asked_of(card.same_group(artists.tolist()), library.queries),
    }
    if config.evaluation.relevance == "lastfm":
        similar = relevance_matrix(workspace.read("lastfm_similarity"), library.track_ids)
        found["Last.fm similar"] = card.asked_of(similar, library.queries)
    return {name: task for name, task in found.items() if task is not None}


def verdict(metrics: pl.DataFrame, name: str, k: int) -> str:
    """Does the fused ranking beat chance and timbre alone on one ground truth? In three values, with the figures."""
    rows = metrics.filter(protocol=name, metric=f"recall_at_{k}", variant="fused")
    fused = rows.row(0, named=True)
    answers = {Outcome.ABOVE: "yes", Outcome.UNTOLD: "too few songs to tell", Outcome.NOT_ABOVE: "no"}
    return f"{answers[judged(fused)]}: Recall@{k} {in_words(fused)}; the most possible {fused['oracle']:.3f}"


def _examples(
    workspace: Workspace, served: MethodScores, tasks: dict[str, Task], library: _Library, config: PipelineConfig
) -> str:
    """Queries with their answers, of the first ground truth."""
    name, task = next(iter(tasks.items()))
    explained = report.paragraph(f"With what is nearest to each. ✓: it belongs to the song by this: {name}.")
    return explained + examples(workspace, served, task, library.track_ids, library.tracks, config.evaluation)


def _map(workspace: Workspace, songs: SongVectors, library: _Library, config: PipelineConfig) -> str:
    return song_map(songs, library.track_ids, library.tracks, workspace.read("lastfm_tags"), config.evaluation.seed)


def _page(
    metrics: pl.DataFrame,
    verdicts: dict[str, str],
    library: _Library,
    config: PipelineConfig,
    songs: list[report.Section],
) -> str:
    rows = pl.DataFrame(list(verdicts.items()), schema=["what belongs together", "better than chance?"], orient="row")
    metric = f"recall_at_{config.evaluation.k}"
    sections = [
        report.Section("Does it beat chance on your music?", report.table(rows)),
        report.Section(f"Recall@{config.evaluation.k}", _pictures(metrics, metric, list(verdicts))),
        *songs,
        report.Section("What was asked", report.paragraph(_asked(library))),
        report.Section("What the figures mean", report.glossary(config.evaluation.k, of_a_card=True)),
        report.Section("All figures", report.figures(metrics)),
    ]
    if library.unmatched:
        missing = pl.DataFrame({"playlist entries that are not in the index": library.unmatched[:200]})
        sections.append(report.Section("Not found", report.table(missing)))
    lead = html.escape(
        f"{int(library.queries.sum())} of your {len(library.track_ids)} songs were new to the model and asked about."
    )
    return report.page("SimSong report card", lead, sections)


def _pictures(metrics: pl.DataFrame, metric: str, names: list[str]) -> str:
    """Two ground truths to a row of bars."""
    pairs = [names[i : i + 2] for i in range(0, len(names), 2)]
    return "".join(report.picture(plots.metric_bars(metrics, metric, pair), f"{metric}, {pair}") for pair in pairs)


def _asked(library: _Library) -> str:
    text = (
        "For every song that the model was neither trained nor validated on, its nearest songs are compared with those "
        "that belong to it. Songs of one artist are wholly inside or wholly outside of training."
    )
    if library.playlists:
        text += (
            f" {len(library.playlists)} playlists with {library.matched} entries in the index and "
            f"{len(library.unmatched)} elsewhere; a list of more than half of the library says nothing and is left out."
        )
    for name, lists in library.server_lists.items():
        text += f" {name.capitalize()}: {len(lists)} with {sum(map(len, lists))} entries in the index."
    return text
