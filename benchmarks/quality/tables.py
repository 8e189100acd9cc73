"""From values query by query to tables: each method with its interval, and paired differences between methods."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from simsong_pipeline.evaluation.bootstrap import interval, paired_difference, resamples

# What each method is compared with; an ingredient with the defaults, by audio and fused.
_AGAINST = {
    "wns_fused": "ns_fused",
    "wns_audio": "ns_audio",
    "wns_unmasked_audio": "ns_unmasked_audio",
    "wns_unmasked_fused": "ns_unmasked_fused",
    "ns_fused": "ns_audio",
    "log_mel+mp": "log_mel",
    "mfcc+mp": "mfcc",
    "ns_audio": "mfcc+mp",
}
_KEY = ("dataset", "protocol", "metric")
_SHAPE = ("chance", "oracle", "hub_skew", "coverage", "anti_hubs")


def pairs_of(methods: Sequence[str]) -> list[tuple[str, str]]:
    """Each method with the one that it is to be compared with, where both are there."""
    pairs = []
    for method in methods:
        plain = method.partition("+")[0]
        default = "ns_fused" if method.endswith("_fused") else "ns_audio" if method.endswith("_audio") else None
        other = _AGAINST.get(method) or (plain if plain != method else default)
        if other is not None and other != method and other in methods:
            pairs.append((method, other))
    return pairs


def summary(values: pl.DataFrame, bootstrap: int = 2_000, seed: int = 0) -> pl.DataFrame:
    """Mean over the queries of all seeds with its 95 % interval, chance, oracle and share of the oracle."""
    rows = []
    for key, part in values.group_by(*_KEY, "method", maintain_order=True):
        numbers = part["value"].to_numpy()
        low, high = interval(numbers, resamples(len(numbers), bootstrap, seed))
        by_seed = part.group_by("seed").agg(pl.col(_SHAPE).first())
        shape = {name: float(np.mean(by_seed[name].to_numpy())) for name in _SHAPE}
        mean = float(numbers.mean())
        rows.append((*key, mean, low, high, *shape.values(), mean / shape["oracle"], by_seed.height, len(numbers)))
    columns = (*_KEY, "method", "value", "ci_low", "ci_high", *_SHAPE, "of_oracle", "seeds", "queries")
    return pl.DataFrame(rows, schema=list(columns), orient="row")


def differences(values: pl.DataFrame, bootstrap: int = 2_000, seed: int = 0) -> pl.DataFrame:
    """Mean of first - second over the same queries of all seeds, with its 95 % interval.

    Where a method was not measured on some seed, the pair is compared on the others.
    """
    rows = []
    for key, part in values.group_by(*_KEY, maintain_order=True):
        wide = part.pivot("method", index=["seed", "query"], values="value").sort("seed", "query")
        for first, second in pairs_of(wide.columns[2:]):
            both = wide.select(first, second).drop_nulls()
            drawn = resamples(both.height, bootstrap, seed)
            found = paired_difference(both[first].to_numpy(), both[second].to_numpy(), drawn)
            rows.append((*key, f"{first} - {second}", *found, both.height))
    return pl.DataFrame(rows, schema=[*_KEY, "pair", "difference", "ci_low", "ci_high", "queries"], orient="row")
