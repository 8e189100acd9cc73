"""One cell of the comparison: a data set and a seed, run through the whole pipeline, query by query."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.quality.datasets import Dataset
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation.retrieval import METRICS, chance, hub_skew, oracle, per_query, top_k
from simsong_pipeline.files import sha256_of, write_atomically
from simsong_pipeline.pipeline.evaluation_stage import build_gallery, method_scores
from simsong_pipeline.pipeline.events import Events
from simsong_pipeline.pipeline.run import read_evaluation_frames, run
from simsong_pipeline.pipeline.workspace import Workspace


def measure_cell(folder: Path, dataset: Dataset, seed: int, base: PipelineConfig, events: Events) -> pl.DataFrame:
    """Values of every method, protocol, metric and query; taken from `folder` where they were measured before.

    The seed decides the sample, the split and the training.
    """
    config = _configured(base, dataset, seed)
    name = f"{dataset.name}-{seed}-{sha256_of(json.loads(config.model_dump_json()))[:8]}"
    result = folder / f"{name}.parquet"
    if result.is_file():
        events.note(f"{name} was measured before")
        return pl.read_parquet(result)
    workspace = Workspace(folder / f"{name}.home")
    source = dataset.prepare(workspace, seed)
    run(workspace, source, config, datetime(2026, 1, 1, tzinfo=UTC), events, publish_anyway=True)
    frame = _values(workspace, config).with_columns(
        pl.lit(dataset.name).alias("dataset"), pl.lit(seed, pl.Int64).alias("seed")
    )
    write_atomically(result, frame.write_parquet)
    return frame


def _configured(base: PipelineConfig, dataset: Dataset, seed: int) -> PipelineConfig:
    return base.model_copy(
        update={
            "train": base.train.model_copy(update={"seed": seed}),
            "splits": base.splits.model_copy(update={"seed": seed}),
            "evaluation": base.evaluation.model_copy(update={"relevance": dataset.relevance}),
        }
    )


def _values(workspace: Workspace, config: PipelineConfig) -> pl.DataFrame:
    gallery = build_gallery(workspace, read_evaluation_frames(workspace), config)
    features = workspace.features(config.log_mel).reader(workspace.read("segment_features"))
    k, rows = config.evaluation.k, []
    for method in method_scores(gallery, features, config):
        for protocol, task in gallery.protocols.items():
            ranked = top_k(method.scores, task, k)
            values, by_chance, best = per_query(ranked, task, k), chance(task, k), oracle(task, k)
            queries = np.flatnonzero(task.queries)
            for metric in METRICS:
                limits = (by_chance[metric], best[metric], hub_skew(ranked))
                pairs = zip(queries.tolist(), values[metric].tolist(), strict=True)
                rows += [(method.name, protocol, metric, query, value, *limits) for query, value in pairs]
    schema = ["method", "protocol", "metric", "query", "value", "chance", "oracle", "hub_skew"]
    return pl.DataFrame(rows, schema=schema, orient="row")
