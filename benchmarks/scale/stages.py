"""The stages that are measured, each in a process of its own: `python -m benchmarks.scale.stages STAGE FOLDER …`.

A stage reads what the stages before it left in the folder `made`, and prints what it found as a line of JSON.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.scale.drawing import draw_songs
from benchmarks.scale.writing import texts
from simsong_pipeline.config import EvaluationConfig, PipelineConfig
from simsong_pipeline.evaluation.fusion import cosine_rows
from simsong_pipeline.evaluation.ground_truth import artist_numbers, relevance_matrix
from simsong_pipeline.evaluation.metrics_frame import MethodScores, evaluate
from simsong_pipeline.evaluation.ranking import Scores, top_k
from simsong_pipeline.evaluation.retrieval import per_query
from simsong_pipeline.evaluation.task import build_task
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.selection_stage import select_songs
from simsong_pipeline.schemas import SIMILARITY, check
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.sources.lastfm_sqlite import read_similars
from simsong_pipeline.sources.lastfm_tags import read_tags
from simsong_pipeline.sources.raw_folder import RawFolder
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.sources.sqlite_tables import read_batches
from simsong_pipeline.splits import split_by_artist

Found = dict[str, float]
_CHANNELS, _TEXT_ROWS = 64, 20_000
# Songs of a matrix of all scores, [songs, songs] in float32 with what sorting it takes: beyond it is not tried.
WHOLE_MATRIX = 10_000
AS_TEXTS, WHOLE = "lists, as texts", "evaluation, whole matrix"
CATALOGUE, LISTS_FRAME, SPLITS = "catalogue", "lists, as the frame of a run", "splits"
_MADE_BY = {"tracks": CATALOGUE, "similarity": LISTS_FRAME, "splits": SPLITS}


@dataclass(frozen=True)
class Data:
    """Where generated data lie, and how they were made and are asked.

    Attributes:
        size: of the selection.
        queries: of the evaluation.
    """

    folder: Path
    songs: int
    seed: int
    size: int
    queries: int

    @property
    def made(self) -> Path:
        """What stages leave for later ones."""
        return self.folder / "made"

    @property
    def similars(self) -> Path:
        """The lists."""
        return self.folder / "lastfm" / "lastfm_similars.db"

    def source(self) -> RawFolder:
        """The raw data as a run reads them."""
        return RawFolder(SourceConfig(raw=self.folder), self.folder, Workspace(self.made))

    def frame(self, name: str) -> pl.DataFrame:
        """A frame that an earlier stage made; ends the process where none did."""
        path = self.made / f"{name}.parquet"
        if not path.is_file():
            sys.exit(f"the stage '{_MADE_BY[name]}' comes first: name it in --stages as well")
        return pl.read_parquet(path)


def _catalogue(data: Data) -> Found:
    source = data.source()
    tracks = catalogued(source, source.tracks(), PipelineConfig().catalogue).tracks
    data.made.mkdir(exist_ok=True)
    tracks.write_parquet(data.made / "tracks.parquet")
    return {"tracks": tracks.height}


def _select(data: Data) -> Found:
    found = select_songs(Workspace(data.made), data.source(), data.size, 0, PipelineConfig())
    return {"neighbours, chosen": found.chosen.mean_neighbours, "neighbours, random": found.random.mean_neighbours}


def _lists(data: Data) -> Found:
    found = read_similars(data.similars, data.frame("tracks")["track_id"])
    return {"pairs": len(found.neighbours)}


def _as_texts(data: Data) -> Found:
    """The plain way: every pair two texts in a frame, which is grouped and sorted."""
    schema: dict[str, type[pl.DataType]] = {"track_id": pl.String, "target": pl.String}
    batches = read_batches(data.similars, "SELECT tid, target FROM similars_src", schema, _TEXT_ROWS)
    pairs = pl.concat(_as_rows(batch) for batch in batches)
    known = data.frame("tracks").select("track_id")
    pairs = pairs.join(known, on="track_id", how="semi")
    pairs = pairs.join(known.rename({"track_id": "neighbour_id"}), on="neighbour_id", how="semi")
    best = pairs.filter(pl.col("track_id") != pl.col("neighbour_id")).group_by("track_id", "neighbour_id")
    ranked = best.agg(pl.col("score").max()).sort("track_id", "score", "neighbour_id", descending=[False, True, False])
    return {"pairs": ranked.height}


def _as_rows(batch: pl.DataFrame) -> pl.DataFrame:
    items = batch.with_columns(pl.col("target").str.split(","))
    return items.select(
        "track_id",
        pl.col("target").list.gather_every(2).alias("neighbour_id"),
        pl.col("target").list.gather_every(2, 1).cast(pl.List(pl.Float64)).alias("score"),
    ).explode("neighbour_id", "score")


def _lists_frame(data: Data) -> Found:
    frame = read_similars(data.similars, data.frame("tracks")["track_id"]).to_frame()
    check(frame, SIMILARITY)
    frame.write_parquet(data.made / "similarity.parquet")
    return {"pairs": frame.height}


def _tags(data: Data) -> Found:
    path = data.folder / "lastfm" / "lastfm_tags.db"
    return {"tags": read_tags(path, data.frame("tracks")["track_id"]).height}


def _splits(data: Data) -> Found:
    splits = split_by_artist(data.frame("tracks"), PipelineConfig().splits)
    splits.write_parquet(data.made / "splits.parquet")
    return {"test songs": splits.filter(split="test").height}


def _ground_truth(data: Data) -> Found:
    test = data.frame("splits").filter(split="test")["track_id"].sort().to_list()
    return {"pairs": relevance_matrix(data.frame("similarity"), test).nnz}


def _evaluation(data: Data) -> Found:
    """All songs as one gallery."""
    return _measured(data, data.frame("tracks")["track_id"].to_list())


def _measured(data: Data, ids: list[str]) -> Found:
    tracks = data.frame("tracks")
    relevant, artists = relevance_matrix(data.frame("similarity"), ids), artist_numbers(tracks, ids)
    tasks = {
        "unfiltered": build_task(relevant, most=data.queries),
        "artist_filtered": build_task(relevant, artists, data.queries),
    }
    methods = [MethodScores("audio", cosine_rows(_vectors(data, ids)))]
    metrics = evaluate(methods, tasks, EvaluationConfig(), _said)
    recall = metrics.filter(metric="recall_at_10", protocol="unfiltered").row(0, named=True)
    return {"songs": len(ids), "queries": recall["queries"], "recall": recall["value"], "chance": recall["chance"]}


def _said(done: int, total: int) -> None:
    """Progress for whoever waits for an hour."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {total}")


def _vectors(data: Data, ids: list[str]) -> NDArray[np.float32]:
    """[songs, channels] unit vectors: those of a community lie together, so that neighbours can be found."""
    songs = draw_songs(data.songs, data.seed)
    communities = dict(zip(texts(songs.ids), songs.begins.tolist(), strict=True))
    rng = np.random.default_rng(data.seed)
    _, own = np.unique([communities[t] for t in ids], return_inverse=True)
    vectors = rng.standard_normal((own.max() + 1, _CHANNELS), np.float32)[own]
    vectors += rng.standard_normal(vectors.shape, np.float32)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _part_in_blocks(data: Data) -> Found:
    return _recall(data, cosine_rows)


def _part_whole(data: Data) -> Found:
    """The plain way: all scores of all songs, and each row sorted from its best to its worst."""
    return _recall(data, lambda vectors: vectors @ vectors.T, whole=True)


def _recall(data: Data, scores_of: Callable[[NDArray[np.float32]], Scores], whole: bool = False) -> Found:
    ids = data.frame("tracks")["track_id"].head(WHOLE_MATRIX).to_list()
    task = build_task(relevance_matrix(data.frame("similarity"), ids))
    scores = scores_of(_vectors(data, ids))
    ranked = _sorted(scores, 10) if whole and isinstance(scores, np.ndarray) else top_k(scores, task, 10)
    return {"songs": len(ids), "recall": float(per_query(ranked, task, 10)["recall"].mean())}


def _sorted(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    allowed = np.where(~np.eye(len(scores), dtype=bool), scores, -np.inf)
    return np.argsort(-allowed, axis=1, kind="stable")[:, :k]


STAGES: dict[str, Callable[[Data], Found]] = {
    CATALOGUE: _catalogue,
    "select, all of it": _select,
    "lists": _lists,
    AS_TEXTS: _as_texts,
    LISTS_FRAME: _lists_frame,
    "tags": _tags,
    SPLITS: _splits,
    "ground truth": _ground_truth,
    "evaluation, a part in blocks": _part_in_blocks,
    WHOLE: _part_whole,
    "evaluation, all songs": _evaluation,
}
# The plain way beside the way that is taken.
BESIDE = {AS_TEXTS: "lists", WHOLE: "evaluation, a part in blocks"}


def main() -> None:
    """Run one stage."""
    stage, folder, *numbers = sys.argv[1:]
    songs, seed, size, queries = map(int, numbers)
    print(json.dumps(STAGES[stage](Data(Path(folder), songs, seed, size, queries))))


if __name__ == "__main__":
    main()
