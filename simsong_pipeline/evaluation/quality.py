"""Is a model fit to be served? The verdict that publishing waits for."""

from dataclasses import dataclass

import polars as pl

from simsong_pipeline.config import PipelineConfig


@dataclass(frozen=True)
class Verdict:
    """Whether the served method beats chance, with the figures."""

    passed: bool
    value: float
    ci_low: float
    chance: float
    text: str


def better_than_chance(metrics: pl.DataFrame, config: PipelineConfig) -> Verdict:
    """Recall@k of the served variant, fused and unfiltered, against a random ranking's.

    The mean has to be above chance; where its interval reaches down to chance, the text says so.
    """
    metric = f"recall_at_{config.evaluation.k}"
    row = metrics.row(
        by_predicate=(pl.col("variant") == f"{config.serve}_fused")
        & (pl.col("protocol") == "unfiltered")
        & (pl.col("metric") == metric),
        named=True,
    )
    passed = row["value"] > row["chance"]
    relation = "above" if row["ci_low"] > row["chance"] else "not clearly above" if passed else "not above"
    text = (
        f"{config.serve.upper()} fused Recall@{config.evaluation.k} {row['value']:.3f} (95 % interval "
        f"{row['ci_low']:.3f} to {row['ci_high']:.3f}) is {relation} chance {row['chance']:.3f}"
    )
    return Verdict(passed, row["value"], row["ci_low"], row["chance"], text)
