"""A method's answers to every task, query by query: precision and recall among the first ten."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.task import Task

K = 10
Scores = NDArray[np.float32]
METRICS = ("precision", "recall")


def measure(draws: Sequence[Scores], tasks: Mapping[str, Task], artist: NDArray[np.str_]) -> pl.DataFrame:
    """Columns task, query, artist, precision, recall, and each metric's chance and most possible (oracle).

    Precision is hits / min(10, relevant), so that a query with few relevant recordings can be answered wholly; recall
    is hits / relevant.

    Args:
        draws: score matrices [n, n] of a method; where it is drawn several times, the means of the draws are given.
    """
    return pl.concat(_measured(draws, name, task, artist) for name, task in tasks.items())


def _measured(draws: Sequence[Scores], name: str, task: Task, artist: NDArray[np.str_]) -> pl.DataFrame:
    queries = np.flatnonzero(task.queries)
    hits = np.mean([_hits(scores, task, queries) for scores in draws], axis=0)
    relevant = task.relevant_counts[queries]
    candidates = task.candidates.counts(queries)
    by_chance = np.minimum(K, candidates) * relevant / candidates
    reachable = np.minimum(K, relevant)
    return pl.DataFrame(
        {
            "task": name,
            "query": queries,
            "artist": artist[queries],
            "precision": hits / reachable,
            "precision_chance": by_chance / reachable,
            "precision_oracle": np.ones(len(queries)),
            "recall": hits / relevant,
            "recall_chance": by_chance / relevant,
            "recall_oracle": reachable / relevant,
        }
    )


def _hits(scores: Scores, task: Task, queries: NDArray[np.int64]) -> NDArray[np.int64]:
    ranked = top_k(scores, task, K)[queries]
    counts: NDArray[np.int64] = task.hits(queries[:, None], ranked).sum(axis=1)
    return counts
