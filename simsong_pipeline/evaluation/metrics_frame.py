"""The metrics frame: each method under each protocol, with chance, oracle, interval, and what it is compared with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.config import EvaluationConfig
from simsong_pipeline.evaluation.bootstrap import interval, paired_difference, resamples
from simsong_pipeline.evaluation.ranking import Scores, top_k
from simsong_pipeline.evaluation.retrieval import METRICS, chance, coverage, hub_skew, oracle, per_query
from simsong_pipeline.evaluation.task import Task
from simsong_pipeline.schemas import METRICS as CONTRACT
from simsong_pipeline.schemas import conform

Protocols = Mapping[str, Task]
Progress = Callable[[int, int], None]
Values = dict[str, NDArray[np.float64]]
# Methods that others are compared with, query by query: what needs no model, and what no training was needed for.
TIMBRE, START = "mfcc", "start"


class _Count:
    """Counts what is done in steps, each of which counts itself."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total = progress, total
        self._before = self._told = 0

    def within(self, done: int, _: int) -> None:
        """So far of the present step."""
        if self._before + done > self._told:
            self._told = self._before + done
            self._progress(self._told, self._total)

    def done(self, step: int) -> None:
        """The present step, whole."""
        self.within(step, step)
        self._before += step


@dataclass(frozen=True)
class MethodScores:
    """A method's name and its scores of the gallery for each query: of some songs at a time, or [n, n]."""

    name: str
    scores: Scores


@dataclass(frozen=True)
class _Asked:
    """A protocol's task, the queries that its bootstrap draws, and each metric of a random and of the best ranking."""

    task: Task
    drawn: NDArray[np.int64]
    chance: Mapping[str, float]
    oracle: Mapping[str, float]


def evaluate(
    methods: list[MethodScores],
    protocols: Protocols,
    config: EvaluationConfig,
    progress: Progress = lambda *_: None,
) -> pl.DataFrame:
    """All metrics of all methods. The bootstrap draws the same queries for every method.

    Methods that share one object of scores are ranked once. Where timbre alone (`mfcc`) or the untrained start
    (`start_audio`, `start_fused`) are among the methods, the others stand beside them by paired differences; what a
    method is compared with is of its own kind, audio or fused.

    Args:
        progress: told the songs that were ranked or judged by a method, and those to be.
    """
    rows: list[tuple[object, ...]] = []
    count = _Count(progress, 2 * len(methods) * sum(len(task.asked) for task in protocols.values()))
    for protocol, task in protocols.items():
        drawn = resamples(int(task.queries.sum()), config.bootstrap, config.seed)
        ranked: dict[str, NDArray[np.int64]] = {}
        for method in methods:
            same = next((m.name for m in methods if m.scores is method.scores and m.name in ranked), None)
            ranked[method.name] = ranked[same] if same else top_k(method.scores, task, config.k, count.within)
            count.done(len(task.asked))
        asked = _Asked(task, drawn, chance(task, config.k), oracle(task, config.k))
        values = {name: per_query(order, task, config.k) for name, order in ranked.items()}
        for name, order in ranked.items():
            rows += _rows(name, protocol, asked, order, values, config.k)
            count.done(len(task.asked))
    schema = {n: t for n, t in CONTRACT.columns.items() if isinstance(t, pl.DataType | type)}
    return conform(pl.DataFrame(rows, schema=schema, orient="row"), CONTRACT)


def _rows(
    name: str,
    protocol: str,
    asked: _Asked,
    ranked: NDArray[np.int64],
    values: Mapping[str, Values],
    k: int,
) -> list[tuple[object, ...]]:
    own, queries = values[name], int(asked.task.queries.sum())
    start = f"{START}_{name.rpartition('_')[2]}"
    rows: list[tuple[object, ...]] = []
    for metric in METRICS:
        beside = [
            part
            for other in (TIMBRE, start)
            for part in _difference(own[metric], values[other][metric] if other in values else None, asked.drawn)
        ]
        figures = (
            float(own[metric].mean()),
            *interval(own[metric], asked.drawn),
            asked.chance[metric],
            asked.oracle[metric],
        )
        rows.append((name, protocol, f"{metric}_at_{k}", *figures, queries, *beside))
    songs = asked.task.candidates.songs
    for metric, value in (("hub_skew", hub_skew(ranked, songs)), ("coverage", coverage(ranked, songs))):
        rows.append((name, protocol, metric, value, None, None, None, None, queries, *(None,) * 6))
    return rows


def _difference(
    own: NDArray[np.float64], other: NDArray[np.float64] | None, drawn: NDArray[np.int64]
) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if other is None else paired_difference(own, other, drawn)
