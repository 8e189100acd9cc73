"""Is a model fit to be served? The verdict that publishing waits for, in three values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

from simsong_pipeline.config import PipelineConfig

# Fewer queries than these cannot show that a model is no good; they leave the untrained start to be served.
ENOUGH_QUERIES = 30
# Recalls that differ by less are as good as each other to who listens.
AS_GOOD = 0.01
UNMEASURED = "no test song is known to be like another, so nothing could be measured"
HOW_TO_MEASURE = (
    "To measure it, tag artists or genres (--relevance genre), or give lists of songs that belong together "
    "(simsong report-card --playlists)."
)


class Outcome(StrEnum):
    """What the measurement says of the served model."""

    ABOVE = "clearly above chance"
    UNTOLD = "too few songs to tell"
    NOT_ABOVE = "not clearly above chance"


@dataclass(frozen=True)
class Verdict:
    """What is known of the served method, with the figures."""

    outcome: Outcome
    value: float
    ci_low: float
    chance: float
    text: str

    @property
    def passed(self) -> bool:
        """Whether it may be served: everything but what was seen to be no good."""
        return self.outcome != Outcome.NOT_ABOVE


def judged(row: dict[str, Any]) -> Outcome:
    """The verdict on a method's row of the metrics frame.

    Above: its whole interval is above chance, and its paired difference over timbre alone is above zero as a whole. Not
    above: on enough queries the interval reaches down to chance, or the whole difference from timbre lies below zero.
    Anything in between needs more songs, and so does a handful of queries, whatever their interval.
    """
    above_chance = row["ci_low"] > row["chance"]
    if above_chance and (row["over_timbre_low"] is None or row["over_timbre_low"] > 0):
        return Outcome.ABOVE
    below_timbre = row["over_timbre_high"] is not None and row["over_timbre_high"] < 0
    enough = row["queries"] >= ENOUGH_QUERIES
    if enough and (not above_chance or below_timbre):
        return Outcome.NOT_ABOVE
    return Outcome.UNTOLD


def quality_of(metrics: pl.DataFrame, config: PipelineConfig) -> Verdict:
    """Recall@k of the served variant, fused and unfiltered, beside a random ranking and timbre alone.

    A frame without rows means that nothing could be asked.
    """
    if not metrics.height:
        nothing = float("nan")
        return Verdict(Outcome.UNTOLD, nothing, nothing, nothing, UNMEASURED)
    row = metrics.row(
        by_predicate=(pl.col("variant") == f"{config.serve}_fused")
        & (pl.col("protocol") == "unfiltered")
        & (pl.col("metric") == f"recall_at_{config.evaluation.k}"),
        named=True,
    )
    outcome = judged(row)
    text = f"{config.serve.upper()} fused Recall@{config.evaluation.k} {in_words(row)}: {_said(outcome, row)}"
    return Verdict(outcome, row["value"], row["ci_low"], row["chance"], text)


def _said(outcome: Outcome, row: dict[str, Any]) -> str:
    """The outcome; where many songs were asked and it is timbre alone that is as good, it says so."""
    bounds = [bound for bound in (row["over_timbre_low"], row["over_timbre_high"]) if bound is not None]
    told = outcome != Outcome.UNTOLD or row["queries"] < ENOUGH_QUERIES
    if told or not bounds or max(map(abs, bounds)) >= AS_GOOD:
        return outcome.value
    return f"as good as timbre alone, within {AS_GOOD:g}"


def in_words(row: dict[str, Any]) -> str:
    """A metric with its interval, chance, and the paired differences that are there."""
    text = (
        f"{row['value']:.3f} (95 % interval {row['ci_low']:.3f} to {row['ci_high']:.3f}), chance {row['chance']:.3f}, "
        f"{row['queries']} queries"
    )
    for name, label in (("over_timbre", "timbre alone (Gaussians)"), ("over_start", "the untrained start")):
        if row[name] is None:
            continue
        if name == "over_start" and row["over_start_low"] == row["over_start_high"] == 0:
            text += "; this is the untrained start itself"
        else:
            text += f"; {row[name]:+.3f} ({row[f'{name}_low']:+.3f} to {row[f'{name}_high']:+.3f}) over {label}"
    return text
