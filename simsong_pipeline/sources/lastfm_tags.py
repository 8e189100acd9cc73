"""Reads `lastfm_tags.db`: `tid_tag` joins `tids` and `tags` by their row ids. Rows are numbers until the end."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.schemas import TAGS, conform
from simsong_pipeline.similarity import numbers_of, sorted_ids
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.raw_tracks import LEFT_OUT, UnreadableFile
from simsong_pipeline.sources.sqlite_tables import Row, decoded, frame_of, read_all, read_rows

_BATCH = 200_000
_NUMBERS: dict[str, type[pl.DataType]] = {"tid": pl.Float64, "tag": pl.Float64, "val": pl.Float64}
_NAMES: dict[str, type[pl.DataType]] = {"row": pl.Int64, "name": pl.String}
# Of a row id that is in no table, and of one whose text is null.
_NOWHERE, _NAMELESS = -2, -1


@dataclass(frozen=True)
class _Names:
    """A table of texts.

    Attributes:
        texts: each once, in order.
        rows: [n] row ids, in order.
        places: [n] of each row's text among `texts`, or `_NAMELESS`.
    """

    texts: pl.Series
    rows: NDArray[np.int64]
    places: NDArray[np.int64]

    def places_of(self, rows: NDArray[np.float64]) -> NDArray[np.int64]:
        """By row ids, `_NOWHERE` where there is no such row."""
        if not len(self.rows):
            return np.full(len(rows), _NOWHERE)
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[at] == rows, self.places[at], _NOWHERE)


def read_tags(
    path: Path,
    keep: pl.Series | None = None,
    lost: list[UnreadableFile] | None = None,
    progress: Progress = lambda *_: None,
) -> pl.DataFrame:
    """`lastfm_tags.db` as a tag frame.

    Args:
        keep: track ids; tags of others are dropped. Without it all.
        lost: gets a line where rows without a track, a tag or a number were left out.
    """
    tracks, tags = _names(path, "tids", "tid"), _names(path, "tags", "tag")
    kept = np.ones(len(tracks.texts), bool) if keep is None else numbers_of(tracks.texts, sorted_ids(keep)) >= 0
    parts, lacking = [], 0
    for batch in read_rows(path, "SELECT tid, tag, val FROM tid_tag ORDER BY rowid", _BATCH, progress):
        numbers = _numbers(batch)
        owners, named, weights = tracks.places_of(numbers[:, 0]), tags.places_of(numbers[:, 1]), numbers[:, 2]
        there = (owners != _NOWHERE) & (named != _NOWHERE)
        whole = there & (owners != _NAMELESS) & (named != _NAMELESS) & ~np.isnan(weights)
        lacking += int(there.sum() - whole.sum())
        whole &= np.append(kept, False)[owners.clip(-1)]
        parts.append((owners[whole] * len(tags.texts) + named[whole], weights[whole]))
    if lost is not None and lacking:
        reason = f"{lacking} rows lack a track, a tag or a number: {LEFT_OUT}"
        lost.append(UnreadableFile(path, reason, path.name))
    return _frame(parts, tracks.texts, tags.texts)


def _names(path: Path, table: str, column: str) -> _Names:
    rows = read_all(path, f"SELECT rowid, {column} FROM {table}", _NAMES).sort("row")
    texts = sorted_ids(rows["name"])
    return _Names(texts, rows["row"].to_numpy(), numbers_of(rows["name"], texts))


def _numbers(rows: list[Row]) -> NDArray[np.float64]:
    """[rows, 3]; NaN for null and for what is no number."""
    try:
        return np.array(rows, np.float64)
    except (ValueError, TypeError, OverflowError):
        return frame_of([decoded(row) for row in rows], _NUMBERS).to_numpy().astype(np.float64)


def _frame(
    parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]], tracks: pl.Series, tags: pl.Series
) -> pl.DataFrame:
    """Of a tag that a track has twice the first; a track's tags by weight, equal ones by name."""
    pairs, weights = (
        np.concatenate(columns) for columns in zip((np.zeros(0, np.int64), np.zeros(0)), *parts, strict=True)
    )
    pairs, first = np.unique(pairs, return_index=True)
    weights = weights[first]
    owners, named = np.divmod(pairs, max(1, len(tags)))
    order = np.lexsort((named, -weights, owners))
    columns = {"track_id": tracks.gather(owners[order]), "tag": tags.gather(named[order]), "weight": weights[order]}
    return conform(pl.DataFrame(columns), TAGS)
