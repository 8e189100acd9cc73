"""Groups training, export, embeddings and index: the same four assets for each variant.

Stages are imported by the step that needs them: torch alone takes seconds, and a night does without.
"""

import dagster as dg
import polars as pl

from dagster_project.failing import telling
from dagster_project.metadata import Speed, by_bucket, failures, outcome
from dagster_project.resources import SimSong
from simsong_pipeline.config import VARIANTS, Variant
from simsong_pipeline.home.wishes import Wishes


class TrainRun(dg.Config):
    """Run configuration of training."""

    retrain: bool = False
    promote_anyway: bool = False


def _inputs(*names: str) -> dict[str, dg.AssetIn]:
    """Inputs from the assets without a variant in their key."""
    return {name: dg.AssetIn(key=dg.AssetKey([name])) for name in names}


def _encoder(variant: Variant) -> dg.AssetsDefinition:
    names = ("tracks", "splits", "lastfm_similarity", "segment_features", "lyric_embeddings")

    @dg.asset(name="encoder", key_prefix=variant, group_name="training", ins=_inputs(*names))
    @telling
    def encoder(
        context: dg.AssetExecutionContext,
        config: TrainRun,
        simsong: SimSong,
        tracks: pl.DataFrame,
        splits: pl.DataFrame,
        lastfm_similarity: pl.DataFrame,
        segment_features: pl.DataFrame,
        lyric_embeddings: pl.DataFrame,
    ) -> dg.MaterializeResult:
        """The trained audio encoder, kept as it is while its recipe is the same."""
        from simsong_pipeline.stages.training_data import TrainingFrames
        from simsong_pipeline.stages.training_stage import train_variant

        frames = TrainingFrames(tracks, splits, lastfm_similarity, segment_features, lyric_embeddings)
        wishes = Wishes(retrain=config.retrain, promote_anyway=config.promote_anyway)
        outcome = train_variant(simsong.run(context, wishes), variant, frames)
        return dg.MaterializeResult(metadata={**outcome.figures(), "verdict": outcome.verdict})

    return encoder


def _onnx_encoder(variant: Variant) -> dg.AssetsDefinition:
    key = dg.AssetKey([variant, "onnx_encoder"])

    @dg.asset(
        key=key,
        group_name="export",
        deps=[dg.AssetKey([variant, "encoder"])],
        ins=_inputs("segment_features"),
        check_specs=[dg.AssetCheckSpec("parity", asset=key, blocking=True)],
    )
    @telling
    def onnx_encoder(segment_features: pl.DataFrame, simsong: SimSong) -> dg.MaterializeResult:
        """The encoder as ONNX; its vectors agree with torch's, or this asset fails."""
        from simsong_pipeline.stages.export_stage import export_variant

        workspace, config = simsong.workspace(), simsong.config()
        record = export_variant(workspace, variant, workspace.features(config).reader(segment_features), config)
        parity = {"min_cosine": record.min_cosine, "top_10_overlap": record.top_10_overlap}
        check = dg.AssetCheckResult(check_name="parity", passed=record.holds, metadata=parity)
        return dg.MaterializeResult(metadata={"model_version": record.model_version, **parity}, check_results=[check])

    return onnx_encoder


def _track_vectors(variant: Variant) -> dg.AssetsDefinition:
    @dg.asset(
        name="track_vectors",
        key_prefix=variant,
        group_name="embeddings",
        deps=[dg.AssetKey([variant, "onnx_encoder"])],
        ins=_inputs("audio", "segment_features", "lyric_embeddings"),
        io_manager_key="frames",
    )
    @telling
    def track_vectors(
        context: dg.AssetExecutionContext,
        audio: pl.DataFrame,
        segment_features: pl.DataFrame,
        lyric_embeddings: pl.DataFrame,
        simsong: SimSong,
    ) -> dg.MaterializeResult[pl.DataFrame]:
        """Audio and lyric vectors; only songs whose content or model changed are embedded."""
        from simsong_pipeline.stages.embedding_stage import embed_variant, whole_vectors

        speed, run = Speed(), simsong.run(context)
        result = embed_variant(run, variant, segment_features, lyric_embeddings)
        failed, buckets = failures(audio, result.states), run.workspace.buckets
        metadata = outcome("embedded", result.embedded, result.unchanged, failed, speed)
        songs, new = result.states["track_id"], buckets.counts(result.new["track_id"])
        metadata |= by_bucket(buckets, songs, "embedded", new, failed["track_id"])
        return dg.MaterializeResult(value=whole_vectors(run, variant, result), metadata=metadata)

    return track_vectors


def _qdrant_collection(variant: Variant) -> dg.AssetsDefinition:
    vectors = dg.AssetIn(key=dg.AssetKey([variant, "track_vectors"]))

    @dg.asset(
        name="qdrant_collection",
        key_prefix=variant,
        group_name="index",
        # After the metrics, whose blocking check keeps vectors that are no better than chance from the index.
        deps=[dg.AssetKey(["metrics"])],
        ins={"track_vectors": vectors, **_inputs("tracks", "audio", "descriptions", "lyrics", "lastfm_tags")},
    )
    @telling
    def qdrant_collection(
        context: dg.AssetExecutionContext,
        simsong: SimSong,
        track_vectors: pl.DataFrame,
        tracks: pl.DataFrame,
        audio: pl.DataFrame,
        descriptions: pl.DataFrame,
        lyrics: pl.DataFrame,
        lastfm_tags: pl.DataFrame,
    ) -> dg.MaterializeResult:
        """The songs in Qdrant: one collection a model version, behind an alias."""
        from simsong_pipeline.stages.index_stage import IndexFrames, publish_variant
        from simsong_pipeline.stages.stored_vectors import in_memory
        from simsong_pipeline.stores.payloads import point_id

        frames, speed = IndexFrames(tracks, audio, descriptions, lyrics, lastfm_tags), Speed()
        run, songs, failed = simsong.run(context), track_vectors["track_id"], failures(audio, track_vectors)
        change = publish_variant(run, variant, in_memory(track_vectors), frames)
        metadata = outcome("upserted", change.upserted, change.total - change.upserted, failed, speed)
        written = run.workspace.buckets.counts(t for t in songs if point_id(t) in change.written)
        metadata |= by_bucket(run.workspace.buckets, songs, "upserted", written, failed["track_id"])
        return dg.MaterializeResult(metadata={**metadata, "deleted": change.deleted, "total": change.total})

    return qdrant_collection


MODEL_ASSETS = [
    build(variant) for variant in VARIANTS for build in (_encoder, _onnx_encoder, _track_vectors, _qdrant_collection)
]
