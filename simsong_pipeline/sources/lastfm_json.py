"""Reads the Last.fm data set's JSON tree: one file a track with its similar tracks and tags.

Files are parsed by Polars in batches, so that the 56.5 million pairs never become Python objects.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.schemas import TAGS, conform
from simsong_pipeline.similarity import Similarity, from_frame, gathered, lists_of, sorted_ids
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

    similarity: Similarity
    tags: pl.DataFrame
    unreadable: tuple[UnreadableFile, ...]


def read_json_tree(*roots: Path, keep: pl.Series | None = None, progress: Progress = lambda *_: None) -> LastfmFrames:
    """All `*.json` below the roots; one bad file is listed and stops nothing.

    Args:
        keep: track ids; pairs with an end outside are dropped as they are read. Without it all that the files name.

    Raises:
        RawDataError: there is no JSON file below them.
    """
    root = roots[0]
    paths = [path for folder in roots for path in files_below(folder, frozenset({".json"}))]
    if not paths:
        raise RawDataError(f"no .json file below {root}: point to the folder of the Last.fm data set")
    ids = None if keep is None else sorted_ids(keep)
    similars, tags, lists = [_empty("neighbour_id", "score")], [_empty("tag", "weight")], []
    unreadable: list[UnreadableFile] = []
    lost = done = 0
    for batch in _batches(paths):
        progress(done, len(paths))
        records, bad = _read_batch(batch)
        pairs, weights = (
            _triples(records, "similars", "neighbour_id", "score"),
            _triples(records, "tags", "tag", "weight"),
        )
        lost += sum(rows.height - rows.drop_nulls().height for rows in (pairs, weights))
        tags.append(weights.drop_nulls())
        if ids is None:
            similars.append(pairs.drop_nulls())
        else:
            lists.append(lists_of(pairs.drop_nulls(), ids))
        unreadable += bad
        done += len(batch)
    progress(done, len(paths))
    if lost:
        reason = f"{lost} similar songs or tags are no name with a number: {LEFT_OUT}"
        unreadable.append(UnreadableFile(root, reason, root.name))
    similarity = from_frame(pl.concat(similars)) if ids is None else gathered(ids, lists)
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


def _batches(paths: list[Path]) -> Iterator[list[Path]]:
    for begin in range(0, len(paths), _BATCH):
        yield paths[begin : begin + _BATCH]


def _empty(name: str, number: str) -> pl.DataFrame:
    return pl.DataFrame(schema={"track_id": pl.String, name: pl.String, number: pl.Float64})
