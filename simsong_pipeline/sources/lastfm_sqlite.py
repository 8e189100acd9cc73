"""Reads `lastfm_similars.db`. Pairs are split as bytes or by Polars, never made into Python objects."""

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from simsong_pipeline.similarity import Lists, Similarity, gathered, lists_of, sorted_ids
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.id_table import IdTable
from simsong_pipeline.sources.raw_tracks import LEFT_OUT, UnreadableFile
from simsong_pipeline.sources.similar_lists import split_lists
from simsong_pipeline.sources.sqlite_tables import Row, decoded, frame_of, read_batches, read_rows

_BATCH = 10_000
_SIMILARS = "SELECT tid, target FROM similars_src"
_SCORES = pl.List(pl.Float64)
_PAIR = re.compile(r"([^,\s]+)\s*,\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?=,|$)")
_TARGETS: dict[str, type[pl.DataType]] = {"track_id": pl.String, "target": pl.String}


def read_similars(
    path: Path,
    keep: pl.Series | None = None,
    lost: list[UnreadableFile] | None = None,
    progress: Progress = lambda *_: None,
) -> Similarity:
    """`lastfm_similars.db` as a matrix, read in a stream.

    Args:
        keep: track ids; pairs with an end outside are dropped as they are read. Without it all that the file names.
        lost: gets a line where ids without a score were left out.

    Raises:
        RawDataError: the file is missing or not this database.
    """
    ids = _all_ids(path) if keep is None else sorted_ids(keep)
    counts: dict[str, int] = {}
    table = IdTable(ids)
    batches = read_rows(path, _SIMILARS, _BATCH, progress, as_bytes=True)
    found = gathered(ids, (part for batch in batches for part in _parts(batch, table, ids, counts)))
    if counts and lost is not None:
        first = next(iter(counts))
        reason = f"{sum(counts.values())} parts of {len(counts)} lists of similar songs are no id with its score"
        lost.append(UnreadableFile(path, f"{reason}, the first in that of {first}: {LEFT_OUT}", path.name))
    return found


def _all_ids(path: Path) -> pl.Series:
    """Track ids of all lists and of all that is in them."""
    found = [pl.Series("track_id", [], pl.String)]
    for batch in read_batches(path, _SIMILARS, _TARGETS, _BATCH):
        pairs = _split(batch, None, {})
        found.append(pl.concat([pairs["track_id"], pairs["neighbour_id"]]).unique())
    return sorted_ids(pl.concat(found))


def _parts(batch: list[Row], table: IdTable, ids: pl.Series, lost: dict[str, int]) -> Iterator[Lists]:
    """The lists of a batch: those in the usual form, and those that are in another."""
    split = split_lists(batch, table)
    yield split.lists
    if split.odd:
        rows = frame_of([decoded(row) for row in split.odd], _TARGETS)
        yield lists_of(_split(rows, ids, lost), ids)


def _split(batch: pl.DataFrame, keep: pl.Series | None, lost: dict[str, int]) -> pl.DataFrame:
    """ "TRa,score,TRb,score,…" → one row a pair; what is left over in other texts is counted by track."""
    rows = batch.drop_nulls()
    if keep is not None:
        rows = rows.filter(pl.col("track_id").is_in(keep.implode()))
    lists = rows.with_columns(pl.col("target").str.split(",").alias("items"))
    lists = lists.with_columns(pl.col("items").list.gather_every(2, 1).cast(_SCORES, strict=False).alias("score"))
    is_whole = (pl.col("items").list.len() == 2 * pl.col("score").list.len()) & (
        pl.col("score").list.drop_nulls().list.len() == pl.col("score").list.len()
    )
    whole = lists.filter(is_whole).select(
        "track_id", pl.col("items").list.gather_every(2, 0).alias("neighbour_id"), "score"
    )
    odd = _salvaged(lists.filter(~is_whole).select("track_id", "target"), lost)
    pairs = pl.concat([whole.explode("neighbour_id", "score"), odd])
    return pairs if keep is None else pairs.filter(pl.col("neighbour_id").is_in(keep.implode()))


def _salvaged(rows: pl.DataFrame, lost: dict[str, int]) -> pl.DataFrame:
    """The pairs in texts that are no list of pairs; blanks and commas too many are no loss."""
    pairs = []
    for track_id, target in rows.rows():
        pairs += [(track_id, neighbour, float(score)) for neighbour, score in _PAIR.findall(target)]
        over = len(re.findall(r"[^,\s]+", _PAIR.sub("", target)))
        if over:
            lost[track_id] = over
    schema = {"track_id": pl.String, "neighbour_id": pl.String, "score": pl.Float64}
    return pl.DataFrame(pairs, schema=schema, orient="row")
