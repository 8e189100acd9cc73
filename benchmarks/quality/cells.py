"""One cell of the comparison: a data set and a seed, every method, query by query."""

from collections.abc import Iterable

import polars as pl

from benchmarks.quality.datasets import Prepared
from benchmarks.quality.methods import method_scores
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import METRICS, anti_hubs, chance, coverage, hub_skew, oracle, per_query
from simsong_pipeline.home.events import Events

_COLUMNS = ("method", "protocol", "metric", "query", "value", "chance", "oracle", "hub_skew", "coverage", "anti_hubs")


def measure_cell(prepared: Prepared, recipes: Iterable[str], events: Events) -> pl.DataFrame:
    """Values of every method, protocol, metric and query; the seed is that of the prepared catalogue."""
    k, rows = prepared.config.evaluation.k, []
    for method in method_scores(prepared, recipes, events.stage, events.training_progress):
        for protocol, task in prepared.protocols.items():
            ranked = top_k(method.scores, task, k)
            values, by_chance, best = per_query(ranked, task, k), chance(task, k), oracle(task, k)
            queries = task.asked[task.queries].tolist()
            shape = tuple(figure(ranked, task.candidates.songs) for figure in (hub_skew, coverage, anti_hubs))
            for metric in METRICS:
                constant = (by_chance[metric], best[metric], *shape)
                pairs = zip(queries, values[metric].tolist(), strict=True)
                rows += [(method.name, protocol, metric, query, value, *constant) for query, value in pairs]
    return pl.DataFrame(rows, schema=list(_COLUMNS), orient="row")
