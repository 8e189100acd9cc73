"""Reads the Last.fm data set's JSON tree: one file a track with its similar tracks and tags.

Files are parsed by Polars in batches, so that the 56.5 million pairs never become Python objects.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.schemas import SIMILARITY, TAGS, conform
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.limits import RECORD_BYTES, TooLargeError, bounded_bytes
from simsong_pipeline.sources.music_folders import files_below
from simsong_pipeline.sources.raw_tracks import LEFT_OUT, UnreadableFile

_BATCH = 2_000
_PAIRS = pl.List(pl.List(pl.String))
_RECORD = pl.Struct({"track_id": pl.String, "similars": _PAIRS, "tags": _PAIRS})


@dataclass(frozen=True)
class LastfmFrames:
    """Similarity and tags of a tree, and the files that could not be read."""

    similarity: pl.DataFrame
    tags: pl.DataFrame
    unreadable: tuple[UnreadableFile, ...]


def read_json_tree(root: Path, progress: Progress = lambda *_: None) -> LastfmFrames:
    """All `*.json` below `root`; one bad file is listed and stops nothing.

    Raises:
        RawDataError: there is no JSON file below `root`.
    """
    paths = files_below(root, frozenset({".json"}))
    if not paths:
        raise RawDataError(f"no .json file below {root}: point to the folder of the Last.fm data set")
    similars, tags = [_empty("neighbour_id", "score")], [_empty("tag", "weight")]
    unreadable: list[UnreadableFile] = []
    lost = done = 0
    for batch in _batches(paths):
        progress(done, len(paths))
        records, bad = _read_batch(batch)
        for column, into, name, number in (
            ("similars", similars, "neighbour_id", "score"),
            ("tags", tags, "tag", "weight"),
        ):
            rows = _triples(records, column, name, number)
            into.append(rows.drop_nulls())
            lost += rows.height - into[-1].height
        unreadable += bad
        done += len(batch)
    progress(done, len(paths))
    if lost:
        reason = f"{lost} similar songs or tags are no name with a number: {LEFT_OUT}"
        unreadable.append(UnreadableFile(root, reason, root.name))
    similarity = conform(rank(pl.concat(similars)), SIMILARITY)
    tag_frame = pl.concat(tags).unique(["track_id", "tag"], keep="first", maintain_order=True)
    return LastfmFrames(similarity, conform(tag_frame, TAGS), tuple(unreadable))


def parse_records(texts: pl.Series) -> pl.DataFrame:
    """Texts of files as rows of track_id, similars and tags, both lists of [name, number] as text.

    Raises:
        RawDataError: a text is not JSON, or lacks a field.
    """
    try:
        records = texts.str.json_decode(_RECORD).struct.unnest()
    except pl.exceptions.PolarsError as error:
        raise RawDataError(f"not a Last.fm record ({first_line(error)})") from error
    if records.height != len(texts):  # an empty text is no row to the parser
        raise RawDataError("not a Last.fm record (an empty file)")
    lacking = [name for name in records.columns if records[name].null_count()]
    if lacking:
        raise RawDataError(f"not a Last.fm record (no {', '.join(lacking)})")
    return records


def _read_batch(paths: list[Path]) -> tuple[pl.DataFrame, list[UnreadableFile]]:
    """Parse together; only when that fails one by one, to find the bad ones."""
    try:
        return parse_records(pl.Series([_text(path) for path in paths], dtype=pl.String)), []
    except (RawDataError, OSError):
        good, bad = [pl.DataFrame(schema=dict(_RECORD))], []
        for path in paths:
            try:
                good.append(parse_records(pl.Series([_text(path)])))
            except RawDataError as error:
                bad.append(UnreadableFile(path, f"{path} is {error}"))
            except OSError as error:
                bad.append(UnreadableFile(path, f"{path} cannot be read ({error.strerror})"))
        return pl.concat(good), bad


def _text(path: Path) -> str:
    try:
        return bounded_bytes(path, RECORD_BYTES).decode("utf-8-sig", errors="replace")
    except TooLargeError as error:
        raise RawDataError(str(error)) from error


def _triples(records: pl.DataFrame, column: str, name: str, number: str) -> pl.DataFrame:
    """(track, name, number) rows of a column of lists; null where an entry has no name or number."""
    return (
        records.lazy()
        .select("track_id", pl.col(column).alias("pair"))
        .filter(pl.col("pair").list.len() > 0)
        .explode("pair")
        .select(
            "track_id",
            pl.col("pair").list.get(0, null_on_oob=True).alias(name),
            pl.col("pair").list.get(1, null_on_oob=True).cast(pl.Float64, strict=False).alias(number),
        )
        .collect()
    )


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


def _empty(name: str, number: str) -> pl.DataFrame:
    return pl.DataFrame(schema={"track_id": pl.String, name: pl.String, number: pl.Float64})
