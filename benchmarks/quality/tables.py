"""From values query by query to tables: each method with its interval, and paired differences between methods."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from simsong_pipeline.evaluation.bootstrap import interval, paired_difference, resamples

# What each method is compared with where that was measured too; a change to training from scratch with its defaults.
_AGAINST = {
    "wns_fused": ("ns_fused",),
    "wns_audio": ("ns_audio",),
    "ns_audio": ("start_audio", "mfcc+mp"),
    "ns_fused": ("ns_audio", "start_fused", "convolution_fused"),
    "start_audio": ("mfcc+mp",),
    "start_fused": ("start_audio",),
    "head_audio": ("start_audio",),
    "head_fused": ("start_fused",),
    "wns_head_audio": ("head_audio",),
    "wns_head_fused": ("head_fused",),
    "convolution_audio": ("ns_audio",),
    "convolution_fused": ("convolution_audio",),
    "events_start_audio": ("timbre", "lyrics"),
    "events_start_fused": ("timbre", "lyrics", "events_start_audio"),
    "events_audio": ("events_start_audio", "timbre", "lyrics"),
    "events_fused": ("events_start_fused", "timbre", "lyrics", "events_audio"),
    "wns_events_audio": ("events_audio", "events_start_audio", "timbre", "lyrics"),
    "wns_events_fused": ("events_fused", "events_start_fused", "timbre", "lyrics"),
    "events_convolution_audio": ("events_start_audio",),
    "events_convolution_fused": ("events_start_fused", "timbre", "lyrics"),
    "wns_events_convolution_audio": ("events_convolution_audio", "events_start_audio"),
    "wns_events_convolution_fused": ("events_convolution_fused", "events_start_fused", "timbre", "lyrics"),
    "events_transformer_audio": ("events_convolution_audio", "events_start_audio"),
    "events_transformer_fused": ("events_convolution_fused", "events_start_fused", "timbre", "lyrics"),
    "wns_events_transformer_audio": ("events_transformer_audio", "wns_events_convolution_audio"),
    "wns_events_transformer_fused": ("events_transformer_fused", "wns_events_convolution_fused", "timbre", "lyrics"),
    "events_convolution_large_audio": ("events_convolution_audio", "events_start_audio"),
    "events_convolution_large_fused": ("events_convolution_fused", "events_start_fused"),
    "events_transformer_large_audio": ("events_transformer_audio", "events_convolution_large_audio"),
    "events_transformer_large_fused": ("events_transformer_fused", "events_convolution_large_fused"),
    "wns_unmasked_audio": ("ns_unmasked_audio",),
    "wns_unmasked_fused": ("ns_unmasked_fused",),
    "log_mel+mp": ("log_mel",),
    "mfcc+mp": ("mfcc",),
}
_KEY = ("dataset", "protocol", "metric")
_SHAPE = ("chance", "oracle", "hub_skew", "coverage", "anti_hubs")


def pairs_of(methods: Sequence[str]) -> list[tuple[str, str]]:
    """Each method with the one that it is to be compared with, where both are there."""
    pairs = []
    for method in methods:
        plain, changed, _ = method.partition("+")
        kind = method.rpartition("_")[2]
        default = (f"convolution_{kind}",) if kind in ("audio", "fused") else ()
        others = _AGAINST.get(method) or ((plain,) if changed else default)
        pairs += [(method, other) for other in others if other != method and other in methods]
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
