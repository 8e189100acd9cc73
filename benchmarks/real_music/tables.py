"""From values query by query to tables, averaged by query and by artist: some artists have many recordings."""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.real_music.measuring import METRICS
from simsong_pipeline.evaluation.bootstrap import interval, paired_difference, resamples

AVERAGES = ("query", "artist")
_SEED = 0


def summary(values: pl.DataFrame, bootstrap: int) -> pl.DataFrame:
    """Each method's mean with its 95 % interval over queries or artists, chance and the most possible beside it."""
    rows = []
    for method, task, average, part in _parts(values):
        drawn = _drawn(part.height, bootstrap)
        for metric in METRICS:
            numbers = part[metric].to_numpy()
            beside = (part[f"{metric}_chance"].mean(), part[f"{metric}_oracle"].mean())
            figures = (float(numbers.mean()), *interval(numbers, drawn), *beside)
            rows.append((task, metric, average, method, *figures, part.height))
    columns = ("task", "metric", "average", "method", "value", "ci_low", "ci_high", "chance", "oracle", "units")
    return pl.DataFrame(rows, schema=list(columns), orient="row")


def differences(values: pl.DataFrame, against: Sequence[str], bootstrap: int) -> pl.DataFrame:
    """Method less each of `against` over the same queries or artists, with its 95 % interval."""
    parts = {(method, task, average): part for method, task, average, part in _parts(values)}
    rows = []
    for (method, task, average), part in parts.items():
        drawn = _drawn(part.height, bootstrap)
        for other in against:
            beside = parts.get((other, task, average))
            if other == method or beside is None:
                continue
            for metric in METRICS:
                found = paired_difference(part[metric].to_numpy(), beside[metric].to_numpy(), drawn)
                rows.append((task, metric, average, method, other, *found, part.height))
    columns = ("task", "metric", "average", "method", "against", "difference", "ci_low", "ci_high", "units")
    return pl.DataFrame(rows, schema=list(columns), orient="row")


def overview(table: pl.DataFrame, metric: str, average: str) -> pl.DataFrame:
    """Methods by tasks, one metric and average."""
    chosen = table.filter(metric=metric, average=average)
    return chosen.pivot("task", index="method", values="value").with_columns(pl.col(pl.Float64).round(3))


def _parts(values: pl.DataFrame) -> Iterator[tuple[str, str, str, pl.DataFrame]]:
    """Method, task, average and its units: queries, or the means of artists' queries; always in one order."""
    for (method, task), part in values.group_by("method", "task", maintain_order=True):
        yield str(method), str(task), "query", part.sort("query")
        by_artist = part.group_by("artist").agg(pl.col(pl.Float64).mean()).sort("artist")
        yield str(method), str(task), "artist", by_artist


@cache
def _drawn(units: int, count: int) -> NDArray[np.int64]:
    """The same units for every method."""
    return resamples(units, count, _SEED)
