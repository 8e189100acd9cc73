"""From values query by query to tables: each method with its interval, and paired differences between methods."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from simsong_pipeline.evaluation.bootstrap import interval, paired_difference, resamples

PAIRS = (
    ("wns_fused", "ns_fused"),
    ("wns_audio", "ns_audio"),
    ("wns_fused", "wns_audio"),
    ("wns_fused", "lyrics"),
    ("wns_audio", "mfcc"),
)
_KEY = ("dataset", "protocol", "metric")


def summary(values: pl.DataFrame, bootstrap: int = 2_000, seed: int = 0) -> pl.DataFrame:
    """Mean over the queries of all seeds with its 95 % interval, chance, oracle and share of the oracle."""
    rows = []
    for key, part in values.group_by(*_KEY, "method", maintain_order=True):
        numbers = part["value"].to_numpy()
        low, high = interval(numbers, resamples(len(numbers), bootstrap, seed))
        by_seed = part.group_by("seed").agg(pl.col("chance", "oracle", "hub_skew").first())
        chance, oracle, skew = (float(np.mean(by_seed[c].to_numpy())) for c in ("chance", "oracle", "hub_skew"))
        mean = float(numbers.mean())
        rows.append((*key, mean, low, high, chance, oracle, mean / oracle, skew, by_seed.height, len(numbers)))
    columns = (
        *_KEY,
        "method",
        "value",
        "ci_low",
        "ci_high",
        "chance",
        "oracle",
        "of_oracle",
        "hub_skew",
        "seeds",
        "queries",
    )
    return pl.DataFrame(rows, schema=list(columns), orient="row")


def differences(
    values: pl.DataFrame, pairs: Sequence[tuple[str, str]] = PAIRS, bootstrap: int = 2_000, seed: int = 0
) -> pl.DataFrame:
    """Mean of first - second over the same queries of all seeds, with its 95 % interval."""
    rows = []
    for key, part in values.group_by(*_KEY, maintain_order=True):
        wide = part.pivot("method", index=["seed", "query"], values="value").sort("seed", "query")
        for first, second in pairs:
            if {first, second} <= set(wide.columns):
                both = (wide[first].to_numpy(), wide[second].to_numpy())
                rows.append(
                    (*key, f"{first} - {second}", *paired_difference(*both, resamples(wide.height, bootstrap, seed)))
                )
    return pl.DataFrame(rows, schema=[*_KEY, "pair", "difference", "ci_low", "ci_high"], orient="row")
