"""Compares two runs of the benchmark query by query, of homes that differ in their settings or in the version.

`python -m benchmarks.msd.comparing bag/values.parquet text/values.parquet --methods ns_audio wns_audio wns_fused`:
`bag` and `text` are folders of `python -m benchmarks.msd --out`, over the same data with the same galleries.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from benchmarks.msd.measuring import METRICS
from benchmarks.msd.tables import intervals

_QUERY = ["data", "gallery", "seed", "protocol", "method", "query"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table.

    Raises:
        SystemExit: the runs have no query of these methods in common.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="values.parquet of a run")
    parser.add_argument("second", type=Path, help="values.parquet of the run that it is compared with")
    parser.add_argument("--methods", nargs="+", help="all that both have where none is named")
    parser.add_argument("--bootstrap", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    first, second = pl.read_parquet(options.first), pl.read_parquet(options.second)
    found = compared(first, second, options.bootstrap, options.seed)
    if options.methods:
        found = found.filter(pl.col("method").is_in(options.methods))
    if not found.height:
        raise SystemExit(
            "error: the two runs have no query of these methods in common: name methods that both measured"
        )
    print(in_markdown(found, options.first.parent.name, options.second.parent.name))


def compared(first: pl.DataFrame, second: pl.DataFrame, bootstrap: int, seed: int) -> pl.DataFrame:
    """Mean of first - second over the queries that both were asked, with its interval.

    Args:
        first, second: `values.parquet`, a row a query.
        bootstrap, seed: resamples of query songs, and the seed of their draw.

    Returns:
        gallery, protocol, method, metric, first, second, difference, ci_low, ci_high, queries.
    """
    rows: list[tuple[object, ...]] = []
    both = first.join(second, on=_QUERY, suffix="_second")
    for key, part in both.group_by("gallery", "protocol", "method", maintain_order=True):
        less = part.select("data", "query", *(pl.col(m) - pl.col(f"{m}_second") for m in METRICS))
        for metric, *less_by in zip(METRICS, *intervals(less, METRICS, bootstrap, seed), strict=True):
            means = part[metric].mean(), part[f"{metric}_second"].mean()
            rows.append((*key, metric, *means, *less_by, part.height))
    schema = [
        "gallery",
        "protocol",
        "method",
        "metric",
        "first",
        "second",
        "difference",
        "ci_low",
        "ci_high",
        "queries",
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def in_markdown(found: pl.DataFrame, first: str, second: str) -> str:
    """A table for each gallery and protocol."""
    parts = []
    for (gallery, protocol), part in found.group_by("gallery", "protocol", maintain_order=True):
        lines = [f"**Gallery {gallery}, {protocol}**: {part['queries'].max():,} queries", ""]
        lines += [f"| | | {first} | {second} | difference |", "|---" * 5 + "|"]
        for row in part.iter_rows(named=True):
            between = f"{row['difference']:+.4f} ({row['ci_low']:+.4f} to {row['ci_high']:+.4f})"
            lines.append(
                f"| {row['method']} | {row['metric']} | {row['first']:.4f} | {row['second']:.4f} | {between} |"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
