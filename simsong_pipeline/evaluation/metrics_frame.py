"""The metrics frame: each method under each protocol, with chance, oracle and interval."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.config import EvaluationConfig
from simsong_pipeline.evaluation.bootstrap import interval, resamples
from simsong_pipeline.evaluation.retrieval import (
    METRICS,
    Task,
    chance,
    coverage,
    hub_skew,
    oracle,
    per_query,
    top_k,
)
from simsong_pipeline.schemas import METRICS as CONTRACT
from simsong_pipeline.schemas import conform

Protocols = Mapping[str, Task]
_Row = tuple[str, str, str, float, float | None, float | None, float | None, float | None, int]


@dataclass(frozen=True)
class MethodScores:
    """A method's name and its scores [n, n] of the gallery for each query."""

    name: str
    scores: NDArray[np.float32]


def evaluate(methods: list[MethodScores], protocols: Protocols, config: EvaluationConfig) -> pl.DataFrame:
    """All metrics of all methods. The bootstrap draws the same queries for every method."""
    rows: list[_Row] = []
    for protocol, task in protocols.items():
        drawn = resamples(int(task.queries.sum()), config.bootstrap, config.seed)
        for method in methods:
            rows += _rows(method, protocol, task, drawn, config.k)
    schema = {n: t for n, t in CONTRACT.columns.items() if isinstance(t, pl.DataType | type)}
    return conform(pl.DataFrame(rows, schema=schema, orient="row"), CONTRACT)


def _rows(method: MethodScores, protocol: str, task: Task, drawn: NDArray[np.int64], k: int) -> list[_Row]:
    ranked = top_k(method.scores, task, k)
    values, by_chance, best = per_query(ranked, task, k), chance(task, k), oracle(task, k)
    queries = int(task.queries.sum())
    rows: list[_Row] = [
        (method.name, protocol, f"{name}_at_{k}", float(values[name].mean()))
        + (*interval(values[name], drawn), by_chance[name], best[name], queries)
        for name in METRICS
    ]
    for name, value in (("hub_skew", hub_skew(ranked)), ("coverage", coverage(ranked))):
        rows.append((method.name, protocol, name, value, None, None, None, None, queries))
    return rows
