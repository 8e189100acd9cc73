"""The verdict in three values, and the differences that it goes by."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from simsong_pipeline.config import EvaluationConfig, PipelineConfig
from simsong_pipeline.evaluation.metrics_frame import MethodScores, evaluate
from simsong_pipeline.evaluation.quality import ENOUGH_QUERIES, UNMEASURED, Outcome, in_words, judged, quality_of
from simsong_pipeline.evaluation.task import build_task
from simsong_pipeline.schemas import METRICS, empty

MANY, FEW = ENOUGH_QUERIES, ENOUGH_QUERIES - 1


def _row(low: float, high: float, timbre: tuple[float, float] | None, queries: int) -> dict[str, Any]:
    over = timbre or (None, None)
    return {"ci_low": low, "ci_high": high, "chance": 0.1, "queries": queries} | {
        "over_timbre_low": over[0],
        "over_timbre_high": over[1],
    }


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (_row(0.2, 0.4, (0.01, 0.1), FEW), Outcome.ABOVE),
        (_row(0.2, 0.4, None, FEW), Outcome.ABOVE),  # where timbre was not measured, chance decides
        (_row(0.2, 0.4, (-0.01, 0.1), MANY), Outcome.UNTOLD),
        (_row(0.2, 0.4, (-0.1, -0.01), MANY), Outcome.NOT_ABOVE),  # timbre alone is clearly better
        (_row(0.2, 0.4, (-0.1, -0.01), FEW), Outcome.UNTOLD),
        (_row(0.05, 0.4, (0.01, 0.1), MANY), Outcome.NOT_ABOVE),
        (_row(0.05, 0.4, (0.01, 0.1), FEW), Outcome.UNTOLD),
        (_row(0.0, 0.09, (-0.1, 0.1), MANY), Outcome.NOT_ABOVE),
        (_row(0.0, 0.0, (-0.1, 0.1), 2), Outcome.UNTOLD),  # two queries that miss have no interval to go by
    ],
)
def test_verdict_goes_by_whole_intervals(row: dict[str, Any], outcome: Outcome) -> None:
    assert judged(row) == outcome


@pytest.mark.parametrize(
    ("timbre", "queries", "said"),
    [
        ((-0.009, 0.009), MANY, "as good as timbre alone, within 0.01"),
        ((-0.009, 0.02), MANY, "too few songs to tell"),
        ((-0.02, 0.009), MANY, "too few songs to tell"),
        ((0.0, 0.0), FEW, "too few songs to tell"),
        ((0.001, 0.009), MANY, "clearly above chance"),
    ],
)
def test_the_same_as_timbre_is_said_where_enough_was_asked(
    timbre: tuple[float, float], queries: int, said: str
) -> None:
    row = _row(0.2, 0.4, timbre, queries) | {"value": 0.3, "over_timbre": sum(timbre) / 2, "over_start": None}
    row |= {"variant": "wns_fused", "protocol": "unfiltered", "metric": "recall_at_10"}
    assert quality_of(pl.DataFrame([row]), PipelineConfig()).text.endswith(f": {said}")


def test_nothing_measured_is_too_little_to_tell_and_may_be_served() -> None:
    verdict = quality_of(empty(METRICS), PipelineConfig())
    assert (verdict.outcome, verdict.text, verdict.passed) == (Outcome.UNTOLD, UNMEASURED, True)


def _metrics() -> pl.DataFrame:
    """Twelve songs in pairs: one method finds every pair, one none, one half of them."""
    n = 12
    relevant = np.zeros((n, n), bool)
    relevant[np.arange(n), np.arange(n) ^ 1] = True
    good = relevant.astype(np.float32)
    half = good.copy()
    half[:6] = -good[:6]
    methods = {"mfcc": -good, "start_fused": half, "start_audio": -good, "wns_fused": good, "wns_audio": half}
    scores = [MethodScores(name, matrix) for name, matrix in methods.items()]
    return evaluate(scores, {"unfiltered": build_task(relevant)}, EvaluationConfig(k=1, bootstrap=200))


@pytest.mark.parametrize(
    ("method", "over_timbre", "over_start"),
    [("wns_fused", 1.0, 0.5), ("wns_audio", 0.5, 0.5), ("mfcc", 0.0, None), ("start_fused", 0.5, 0.0)],
)
def test_methods_stand_beside_timbre_and_the_start_of_their_own_kind(
    method: str, over_timbre: float, over_start: float | None
) -> None:
    row = _metrics().row(by_predicate=(pl.col("variant") == method) & (pl.col("metric") == "recall_at_1"), named=True)
    assert (row["over_timbre"], row["over_start"]) == (over_timbre, over_start)
    assert row["over_timbre_low"] <= row["over_timbre"] <= row["over_timbre_high"]


@pytest.mark.parametrize(("method", "ending"), [("wns_fused", "over the untrained start"), ("start_fused", "itself")])
def test_a_start_that_is_served_is_not_compared_with_itself(method: str, ending: str) -> None:
    row = _metrics().row(by_predicate=(pl.col("variant") == method) & (pl.col("metric") == "recall_at_1"), named=True)
    assert in_words(row).endswith(ending)
