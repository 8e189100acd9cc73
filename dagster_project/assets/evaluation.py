"""Group evaluation: the metrics of every method, the two that are asked for most, and the report.

Stages are imported by the step that needs them: what draws the report takes seconds.
"""

import dagster as dg
import polars as pl

from dagster_project.failing import telling
from dagster_project.resources import SimSong
from simsong_pipeline.config import VARIANTS

GROUP = "evaluation"
_VECTORS = {f"{variant}_vectors": dg.AssetIn(key=dg.AssetKey([variant, "track_vectors"])) for variant in VARIANTS}


@dg.asset(group_name=GROUP, ins=_VECTORS, deps=["segment_features"], io_manager_key="frames")
@telling
def metrics(
    context: dg.AssetExecutionContext,
    simsong: SimSong,
    tracks: pl.DataFrame,
    splits: pl.DataFrame,
    lastfm_similarity: pl.DataFrame,
    ns_vectors: pl.DataFrame,
    wns_vectors: pl.DataFrame,
) -> pl.DataFrame:
    """Every method under every protocol, with chance, oracle and interval, on artists never trained on."""
    from simsong_pipeline.stages.evaluation_stage import EvaluationFrames, measure_and_record

    frames = EvaluationFrames(tracks, splits, lastfm_similarity, {"ns": ns_vectors, "wns": wns_vectors})
    return measure_and_record(simsong.workspace(), frames, simsong.config(), simsong.told(context).progress)


def _metric_asset(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name, group_name=GROUP, ins={"metrics": dg.AssetIn(key=dg.AssetKey(["metrics"]))})
    @telling
    def metric(metrics: pl.DataFrame) -> dg.MaterializeResult:
        """Unfiltered value, interval, chance and oracle of each method."""
        rows = metrics.filter(pl.col("metric") == name, pl.col("protocol") == "unfiltered")
        fields = ("value", "ci_low", "ci_high", "chance", "oracle")
        values = {f"{r['variant']}/{f}": r[f] for r in rows.iter_rows(named=True) for f in fields}
        return dg.MaterializeResult(metadata=values)

    return metric


recall_at_10 = _metric_asset("recall_at_10")
precision_at_10 = _metric_asset("precision_at_10")


@dg.asset(group_name=GROUP, ins=_VECTORS, deps=["segment_features"])
@telling
def retrieval_report(
    context: dg.AssetExecutionContext,
    simsong: SimSong,
    metrics: pl.DataFrame,
    tracks: pl.DataFrame,
    splits: pl.DataFrame,
    lastfm_similarity: pl.DataFrame,
    lastfm_tags: pl.DataFrame,
    exclusions: pl.DataFrame,
    ns_vectors: pl.DataFrame,
    wns_vectors: pl.DataFrame,
) -> dg.MaterializeResult:
    """The self-contained HTML page with plots and example queries."""
    from simsong_pipeline.stages.evaluation_stage import EvaluationFrames
    from simsong_pipeline.stages.report_stage import ReportFrames, write_report

    workspace, config = simsong.workspace(), simsong.config()
    frames = EvaluationFrames(tracks, splits, lastfm_similarity, {"ns": ns_vectors, "wns": wns_vectors})
    write_report(
        workspace, metrics, ReportFrames(frames, lastfm_tags, exclusions), config, simsong.told(context).progress
    )
    return dg.MaterializeResult(metadata={"report": dg.MetadataValue.path(str(workspace.report.resolve()))})
