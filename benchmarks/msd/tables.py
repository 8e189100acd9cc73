"""From values query by query to the table, its paired differences, and the files that hold both."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.msd.measuring import METRICS, Measured
from benchmarks.msd.methods import METHODS
from benchmarks.msd.protocol import K
from simsong_pipeline.evaluation.bootstrap import grouped_means

# What each method is compared with where both were measured; what was submitted is, with the last two.
AGAINST = {
    "start_audio": ("timbre",),
    "ns_audio": ("start_audio", "timbre"),
    "wns_audio": ("ns_audio", "start_audio", "timbre"),
    "lyrics_bag": ("lyrics_text",),
    "start_fused": ("start_audio", "timbre", "lyrics_bag", "lyrics_text"),
    "ns_fused": ("ns_audio", "start_fused", "timbre", "lyrics_bag", "lyrics_text"),
    "wns_fused": ("ns_fused", "wns_audio", "timbre", "lyrics_bag", "lyrics_text"),
}
_SUBMITTED = ("timbre", "wns_fused")
_LEVEL = (0.025, 0.975)
_LABELS = {
    "random": "random",
    "popularity": "artist popularity",
    "timbre": "timbre Gaussians",
    "start_audio": "untrained start",
    "ns_audio": "NS",
    "wns_audio": "WNS",
    "lyrics_bag": "lyrics, bag",
    "lyrics_text": "lyrics, text",
    "start_fused": "untrained start, fused",
    "ns_fused": "NS, fused",
    "wns_fused": "WNS, fused",
    "tags": "Last.fm tags (not content)",
}


def summary(found: Measured, bootstrap: int, seed: int) -> pl.DataFrame:
    """gallery, protocol, method, metric, value, ci_low, ci_high, chance, oracle, queries, songs, seeds."""
    return pl.DataFrame(list(_rows(found, bootstrap, seed)), schema=_SUMMARY, orient="row")


_SUMMARY = [
    *("gallery", "protocol", "method", "metric", "value", "ci_low", "ci_high"),
    *("chance", "oracle", "queries", "songs", "drawn"),
]


def _rows(found: Measured, bootstrap: int, seed: int) -> Iterator[tuple[object, ...]]:
    for (gallery, protocol), part in found.values.group_by("gallery", "protocol", maintain_order=True):
        shapes = found.shapes.filter(gallery=gallery, protocol=protocol)
        for methods, values in _alike(part):
            columns = [f"{metric}_{method}" for method in methods for metric in METRICS]
            means, low, high = intervals(values, columns, bootstrap, seed)
            own = shapes.join(values.select("data").unique(), on="data", how="semi")
            for n, (method, metric) in enumerate((method, metric) for method in methods for metric in METRICS):
                beside = [_weighted(own, f"{kind}_{metric}") for kind in ("chance", "oracle")]
                size = (values.height, round(own["songs"].mean()), own.height)  # type: ignore[arg-type]
                yield gallery, protocol, method, metric, means[n], low[n], high[n], *beside, *size


def _alike(part: pl.DataFrame) -> list[tuple[list[str], pl.DataFrame]]:
    """Methods that were measured on the same data, and a row for each query with their columns."""
    data = {name: tuple(own["data"].unique().sort()) for (name,), own in part.group_by("method", maintain_order=True)}
    groups = []
    for _, names in groupby(sorted(data, key=lambda n: data[n]), key=lambda n: data[n]):
        methods = list(names)
        wide = part.filter(pl.col("method").is_in(methods)).pivot(
            "method", index=["data", "seed", "query"], values=list(METRICS)
        )
        groups.append((methods, wide))
    return groups


def intervals(
    wide: pl.DataFrame, columns: Sequence[str], bootstrap: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Means over rows, and the bounds of their intervals, queries being drawn with all their rows."""
    by_query = wide.group_by("data", "query").agg(pl.col(*columns).sum(), pl.len().alias("rows")).sort("data", "query")
    sums, counts = by_query.select(columns).to_numpy().astype(np.float64), by_query["rows"].to_numpy().astype(np.int64)
    low, high = np.quantile(grouped_means(sums, counts, bootstrap, seed), _LEVEL, axis=0)
    return sums.sum(axis=0) / counts.sum(), low, high


def _weighted(shapes: pl.DataFrame, column: str) -> float:
    return float(np.average(shapes[column].to_numpy(), weights=shapes["queries"].to_numpy()))


def differences(found: Measured, bootstrap: int, seed: int) -> pl.DataFrame:
    """Mean of first - second over the queries that both were asked: gallery, protocol, pair, metric, and interval."""
    rows: list[tuple[object, ...]] = []
    for (gallery, protocol), part in found.values.group_by("gallery", "protocol", maintain_order=True):
        for first, second in pairs_of(part["method"].unique(maintain_order=True).to_list()):
            both = part.filter(method=first).join(part.filter(method=second), on=["data", "seed", "query"])
            if not both.height:
                continue
            less = both.select("data", "seed", "query", *((pl.col(m) - pl.col(f"{m}_right")).alias(m) for m in METRICS))
            figures = zip(METRICS, *intervals(less, METRICS, bootstrap, seed), strict=True)
            rows += [(gallery, protocol, first, second, *figure, both.height) for figure in figures]
    schema = ["gallery", "protocol", "first", "second", "metric", "difference", "ci_low", "ci_high", "queries"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def pairs_of(methods: Sequence[str]) -> list[tuple[str, str]]:
    """Each method with those that it is compared with."""
    return [
        (method, other)
        for method in methods
        for other in AGAINST.get(method, () if method in METHODS else _SUBMITTED)
        if other in methods
    ]


def in_markdown(table: pl.DataFrame, pairs: pl.DataFrame) -> str:
    """A table for each gallery and protocol, and one of the paired differences of recall."""
    parts = []
    for (gallery, protocol), part in table.group_by("gallery", "protocol", maintain_order=True):
        parts.append(_table(str(gallery), str(protocol), part))
        own = pairs.filter(gallery=gallery, protocol=protocol, metric="recall")
        if own.height:
            parts.append(_pairs(own))
    return "\n\n".join(parts) + "\n"


def _table(gallery: str, protocol: str, part: pl.DataFrame) -> str:
    first = part.row(0, named=True)
    size = f"{first['songs']:,} songs, drawn {first['drawn']} times, {first['queries']:,} queries"
    head = f"**Gallery {gallery}, {protocol}**: {size}"
    titles = [f"{name}@{K}" for name in ("Recall", "Precision", "nDCG")]
    lines = [head, "", f"| | {' | '.join(titles)} |", "|---" * 4 + "|"]
    for kind in ("chance", "oracle"):
        cells = [f"{part.filter(metric=metric)[kind][0]:.4f}" for metric in METRICS]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    known = [m for m in METHODS if m in part["method"]]
    for method in [*known, *(m for m in part["method"].unique(maintain_order=True) if m not in METHODS)]:
        own = part.filter(method=method)
        rows = [own.row(by_predicate=pl.col("metric") == metric, named=True) for metric in METRICS]
        cells = [f"{row['value']:.4f} ({row['ci_low']:.4f} to {row['ci_high']:.4f})" for row in rows]
        lines.append(f"| {_LABELS.get(method, method)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pairs(pairs: pl.DataFrame) -> str:
    lines = [f"| Recall@{K}, paired | difference |", "|---|---|"]
    for row in pairs.iter_rows(named=True):
        names = " - ".join(_LABELS.get(row[name], row[name]) for name in ("first", "second"))
        lines.append(f"| {names} | {row['difference']:+.4f} ({row['ci_low']:+.4f} to {row['ci_high']:+.4f}) |")
    return "\n".join(lines)
