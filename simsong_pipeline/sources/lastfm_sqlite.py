"""Reads the Last.fm data set's SQLite files. Pairs are split by Polars, never made into Python objects."""

import re
from pathlib import Path

import polars as pl

from simsong_pipeline.schemas import SIMILARITY, TAGS, conform
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.lastfm_json import rank
from simsong_pipeline.sources.raw_tracks import LEFT_OUT, UnreadableFile
from simsong_pipeline.sources.sqlite_tables import read_all, read_batches

_BATCH = 20_000
_SCORES = pl.List(pl.Float64)
_PAIR = re.compile(r"([^,\s]+)\s*,\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?=,|$)")
_TARGETS: dict[str, type[pl.DataType]] = {"track_id": pl.String, "target": pl.String}


def read_similars(
    path: Path,
    keep: pl.Series | None = None,
    lost: list[UnreadableFile] | None = None,
    progress: Progress = lambda *_: None,
) -> pl.DataFrame:
    """`lastfm_similars.db` as a similarity frame.

    Args:
        keep: track ids; pairs with an end outside are dropped batch by batch, so that a catalogue of some
            thousand tracks out of the 56.5 million pairs needs memory for its own pairs only.
        lost: gets a line where ids without a score were left out.

    Raises:
        RawDataError: the file is missing or not this database.
    """
    counts: dict[str, int] = {}
    batches = read_batches(path, "SELECT tid, target FROM similars_src", _TARGETS, _BATCH, progress)
    pairs = [_split(batch, keep, counts) for batch in batches]
    if counts and lost is not None:
        first = next(iter(counts))
        reason = f"{sum(counts.values())} parts of {len(counts)} lists of similar songs are no id with its score"
        lost.append(UnreadableFile(path, f"{reason}, the first in that of {first}: {LEFT_OUT}", path.name))
    schema = {"track_id": pl.String, "neighbour_id": pl.String, "score": pl.Float64}
    return conform(rank(pl.concat([pl.DataFrame(schema=schema), *pairs])), SIMILARITY)


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


def read_tags(
    path: Path, lost: list[UnreadableFile] | None = None, progress: Progress = lambda *_: None
) -> pl.DataFrame:
    """`lastfm_tags.db` as a tag frame; `tid_tag` joins `tids` and `tags` by their row ids.

    Args:
        lost: gets a line where rows without a track, a tag or a number were left out.
    """
    query = (
        "SELECT tids.tid, tags.tag, tid_tag.val FROM tid_tag "
        "JOIN tids ON tids.ROWID = tid_tag.tid JOIN tags ON tags.ROWID = tid_tag.tag"
    )
    schema: dict[str, type[pl.DataType]] = {"track_id": pl.String, "tag": pl.String, "weight": pl.Float64}
    rows = read_all(path, query, schema, progress)
    frame = rows.drop_nulls()
    if lost is not None and frame.height < rows.height:
        reason = f"{rows.height - frame.height} rows lack a track, a tag or a number: {LEFT_OUT}"
        lost.append(UnreadableFile(path, reason, path.name))
    frame = frame.unique(["track_id", "tag"], keep="first", maintain_order=True)
    return conform(frame.sort("track_id", "weight", "tag", descending=[False, True, False]), TAGS)
