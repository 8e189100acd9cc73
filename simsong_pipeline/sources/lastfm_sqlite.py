"""Reads the Last.fm data set's SQLite files. Pairs are split by Polars, never made into Python objects."""

from pathlib import Path

import polars as pl

from simsong_pipeline.schemas import SIMILARITY, TAGS, conform
from simsong_pipeline.sources.lastfm_json import rank
from simsong_pipeline.sources.sqlite_tables import read_all, read_batches

_BATCH = 20_000
_TARGETS: dict[str, type[pl.DataType]] = {"track_id": pl.String, "target": pl.String}


def read_similars(path: Path, keep: pl.Series | None = None) -> pl.DataFrame:
    """`lastfm_similars.db` as a similarity frame.

    Args:
        keep: track ids; pairs with an end outside are dropped batch by batch, so that a catalogue of some
            thousand tracks out of the 56.5 million pairs needs memory for its own pairs only.

    Raises:
        RawDataError: the file is missing or not this database.
    """
    batches = read_batches(path, "SELECT tid, target FROM similars_src", _TARGETS, _BATCH)
    pairs = [_split(batch, keep) for batch in batches]
    schema = {"track_id": pl.String, "neighbour_id": pl.String, "score": pl.Float64}
    return conform(rank(pl.concat([pl.DataFrame(schema=schema), *pairs])), SIMILARITY)


def _split(batch: pl.DataFrame, keep: pl.Series | None) -> pl.DataFrame:
    """ "TRa,score,TRb,score,…" → one row a pair."""
    rows = batch.lazy() if keep is None else batch.lazy().filter(pl.col("track_id").is_in(keep.implode()))
    items = rows.with_columns(pl.col("target").str.split(",").alias("items")).select(
        "track_id",
        pl.col("items").list.gather_every(2, 0).alias("neighbour_id"),
        pl.col("items").list.gather_every(2, 1).alias("score"),
    )
    pairs = items.explode("neighbour_id", "score").with_columns(pl.col("score").cast(pl.Float64, strict=False))
    if keep is not None:
        pairs = pairs.filter(pl.col("neighbour_id").is_in(keep.implode()))
    return pairs.filter(pl.col("neighbour_id").is_not_null(), pl.col("score").is_not_null()).collect()


def read_tags(path: Path) -> pl.DataFrame:
    """`lastfm_tags.db` as a tag frame; `tid_tag` joins `tids` and `tags` by their row ids."""
    query = (
        "SELECT tids.tid, tags.tag, tid_tag.val FROM tid_tag "
        "JOIN tids ON tids.ROWID = tid_tag.tid JOIN tags ON tags.ROWID = tid_tag.tag"
    )
    schema: dict[str, type[pl.DataType]] = {"track_id": pl.String, "tag": pl.String, "weight": pl.Float64}
    frame = read_all(path, query, schema).unique(["track_id", "tag"], keep="first", maintain_order=True)
    return conform(frame.sort("track_id", "weight", "tag", descending=[False, True, False]), TAGS)
