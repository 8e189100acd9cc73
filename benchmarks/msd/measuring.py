"""Ranks each gallery by each method, exactly, and keeps what each query gives."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from benchmarks.msd.methods import Made
from benchmarks.msd.protocol import Gallery, K, asked_ids
from simsong_pipeline.evaluation.ranking import Scores, top_k
from simsong_pipeline.evaluation.retrieval import chance, oracle, per_query
from simsong_pipeline.evaluation.task import Task

METRICS = ("recall", "precision", "ndcg")
Tell = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Measured:
    """What came of some galleries.

    Attributes:
        values: data, gallery, seed, protocol, method, query, and the metrics: a row a query.
        shapes: data, gallery, seed, protocol, songs, queries, and chance and oracle of each metric.
        costs: data, gallery, seed, method, seconds.
    """

    values: pl.DataFrame
    shapes: pl.DataFrame
    costs: pl.DataFrame


def together(parts: Iterable[Measured]) -> Measured:
    """All of these."""
    found = list(parts)
    return Measured(*(pl.concat([getattr(p, name) for p in found]) for name in ("values", "shapes", "costs")))


def measured(data: str, gallery: Gallery, methods: Iterable[Made], tell: Tell, progress: Progress) -> Measured:
    """Every method over every protocol of a gallery."""
    values, costs = [], []
    for name, make in methods:
        began = time.monotonic()
        scores = make()
        for protocol, task in gallery.tasks.items():
            values.append(_values(data, gallery, protocol, task, name, scores, progress))
        costs.append((data, gallery.name, gallery.seed, name, time.monotonic() - began))
        first = values[-len(gallery.tasks)]["recall"].mean()
        tell(f"{name}: Recall@{K} {first:.4f} ({costs[-1][-1]:.1f} s)")
    cost_schema = ["data", "gallery", "seed", "method", "seconds"]
    return Measured(pl.concat(values), _shapes(data, gallery), pl.DataFrame(costs, schema=cost_schema, orient="row"))


def _values(
    data: str, gallery: Gallery, protocol: str, task: Task, method: str, scores: Scores, progress: Progress
) -> pl.DataFrame:
    found = per_query(top_k(scores, task, K, progress), task, K)
    key = {"data": data, "gallery": gallery.name, "seed": gallery.seed, "protocol": protocol, "method": method}
    columns = {"query": asked_ids(gallery, task), **{metric: found[metric] for metric in METRICS}}
    frame = pl.DataFrame(columns, schema_overrides={"query": pl.String})
    return frame.select(*(pl.lit(value).alias(name) for name, value in key.items()), pl.all())


def _shapes(data: str, gallery: Gallery) -> pl.DataFrame:
    rows = []
    for protocol, task in gallery.tasks.items():
        by_chance, best = chance(task, K), oracle(task, K)
        numbers = [figures[metric] for figures in (by_chance, best) for metric in METRICS]
        rows.append(
            (data, gallery.name, gallery.seed, protocol, len(gallery.track_ids), int(task.queries.sum()), *numbers)
        )
    figures = [f"{kind}_{metric}" for kind in ("chance", "oracle") for metric in METRICS]
    schema = ["data", "gallery", "seed", "protocol", "songs", "queries", *figures]
    return pl.DataFrame(rows, schema=schema, orient="row")
