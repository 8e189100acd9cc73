"""Reads the Last.fm data set's JSON tree: one file a track with its similar tracks and tags."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.schemas import SIMILARITY, TAGS, conform
from simsong_pipeline.sources.raw_tracks import UnreadableFile

_BATCH = 2_000


@dataclass(frozen=True)
class LastfmFrames:
    """Similarity and tags of a tree, and the files that could not be read."""

    similarity: pl.DataFrame
    tags: pl.DataFrame
    unreadable: tuple[UnreadableFile, ...]


def read_json_tree(root: Path) -> LastfmFrames:
    """All `*.json` below `root`; one bad file is listed and stops nothing.

    Raises:
        RawDataError: there is no JSON file below `root`.
    """
    paths = sorted(root.rglob("*.json"))
    if not paths:
        raise RawDataError(f"no .json file below {root}: point to the folder of the Last.fm data set")
    similars, tags, unreadable = [_similar_frame([])], [_tag_frame([])], []
    for batch in _batches(paths):
        similar_rows: list[tuple[str, str, float]] = []
        tag_rows: list[tuple[str, str, float]] = []
        for path in batch:
            try:
                with path.open(encoding="utf-8") as handle:
                    record = parse_record(handle)
            except RawDataError as error:
                unreadable.append(UnreadableFile(path, str(error)))
                continue
            similar_rows += record.similars
            tag_rows += record.tags
        similars.append(_similar_frame(similar_rows))
        tags.append(_tag_frame(tag_rows))
    similarity = conform(rank(pl.concat(similars)), SIMILARITY)
    tag_frame = pl.concat(tags).unique(["track_id", "tag"], keep="first", maintain_order=True)
    return LastfmFrames(similarity, conform(tag_frame, TAGS), tuple(unreadable))


@dataclass(frozen=True)
class LastfmRecord:
    """One file: (track, neighbour, score) and (track, tag, weight) triples."""

    similars: list[tuple[str, str, float]]
    tags: list[tuple[str, str, float]]


def parse_record(handle: TextIO) -> LastfmRecord:
    """Parse one file.

    Raises:
        RawDataError: not JSON, or not of the data set's form.
    """
    try:
        data: dict[str, Any] = json.load(handle)
        track_id = str(data["track_id"])
        similars = [(track_id, str(neighbour), float(score)) for neighbour, score in data["similars"]]
        tags = [(track_id, str(tag), float(weight)) for tag, weight in data["tags"]]
    except (ValueError, KeyError, TypeError) as error:
        raise RawDataError(
            f"{getattr(handle, 'name', 'record')} is not a Last.fm record ({type(error).__name__}: {error})"
        ) from error
    return LastfmRecord(similars, tags)


def rank(pairs: pl.DataFrame) -> pl.DataFrame:
    """Drop self pairs and scores outside (0, 1], keep a pair's best score, rank each list from 1.

    Equal scores are ranked by neighbour id, so that every source of the same pairs gives the same ranks.
    """
    return (
        pairs.lazy()
        .filter(pl.col("score").is_between(0, 1, closed="right"), pl.col("track_id") != pl.col("neighbour_id"))
        .group_by("track_id", "neighbour_id")
        .agg(pl.col("score").max())
        .sort("track_id", "score", "neighbour_id", descending=[False, True, False])
        .with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("track_id").alias("rank"))
        .collect()
    )


def _batches(paths: list[Path]) -> Iterator[list[Path]]:
    for begin in range(0, len(paths), _BATCH):
        yield paths[begin : begin + _BATCH]


def _similar_frame(rows: list[tuple[str, str, float]]) -> pl.DataFrame:
    schema = {"track_id": pl.String, "neighbour_id": pl.String, "score": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _tag_frame(rows: list[tuple[str, str, float]]) -> pl.DataFrame:
    schema = {"track_id": pl.String, "tag": pl.String, "weight": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
