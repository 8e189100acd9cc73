"""Asset checks. All block: what follows a failed one is not computed from it in the same run."""

import dagster as dg
import numpy as np
import polars as pl

from dagster_project.failing import telling
from dagster_project.resources import SimSong
from simsong_pipeline.audio.copies import COPY
from simsong_pipeline.config import VARIANTS, Variant
from simsong_pipeline.evaluation.quality import quality_of


@dg.asset_check(asset="tracks", blocking=True)
@telling
def tracks_are_unique(tracks: pl.DataFrame) -> dg.AssetCheckResult:
    """There are tracks, and no id twice."""
    unique = tracks["track_id"].n_unique()
    return dg.AssetCheckResult(passed=0 < tracks.height == unique, metadata={"rows": tracks.height, "unique": unique})


_TRACKS = {"tracks": dg.AssetIn(key=dg.AssetKey(["tracks"]))}


@dg.asset_check(
    asset="segment_features", additional_ins={"audio": dg.AssetIn(key=dg.AssetKey(["audio"]))}, blocking=True
)
@telling
def most_audio_is_usable(segment_features: pl.DataFrame, audio: pl.DataFrame) -> dg.AssetCheckResult:
    """At least half of the recordings have features; fewer points to a missing disk rather than to bad files.

    A copy of another recording is none that failed.
    """
    copies = audio.filter(pl.col("reason").str.starts_with(COPY)).height
    share = segment_features.height / max(1, audio.height - copies)
    return dg.AssetCheckResult(passed=share >= 0.5, metadata={"usable_share": share})


@dg.asset_check(asset="splits", additional_ins=_TRACKS, blocking=True)
@telling
def artists_are_disjoint(splits: pl.DataFrame, tracks: pl.DataFrame) -> dg.AssetCheckResult:
    """No artist in two parts."""
    parts = splits.join(tracks, on="track_id").group_by("artist_id").agg(pl.col("split").n_unique())
    divided = int((parts["split"] > 1).sum())
    return dg.AssetCheckResult(passed=divided == 0, metadata={"artists_in_two_parts": divided})


def _unit_vectors(variant: Variant) -> dg.AssetChecksDefinition:
    key = dg.AssetKey([variant, "track_vectors"])

    @dg.asset_check(asset=key, name="unit_vectors", blocking=True)
    @telling
    def unit_vectors(track_vectors: pl.DataFrame) -> dg.AssetCheckResult:
        """All vectors are finite and of unit length."""
        columns = [track_vectors["audio"], track_vectors["lyrics"].drop_nulls()]
        arrays = [column.to_numpy() for column in columns if len(column)]
        worst = max((float(np.abs(np.linalg.norm(a, axis=1) - 1).max()) for a in arrays), default=float("inf"))
        metadata = {"largest_deviation": worst, "rows": track_vectors.height}
        return dg.AssetCheckResult(passed=worst < 1e-3, metadata=metadata)

    return unit_vectors


@dg.asset_check(asset="metrics", name="better_than_chance", blocking=True)
@telling
def served_model_beats_chance(metrics: pl.DataFrame, simsong: SimSong) -> dg.AssetCheckResult:
    """The served variant's Recall@k is above a random ranking's."""
    verdict = quality_of(metrics, simsong.config())
    figures = {"value": verdict.value, "ci_low": verdict.ci_low, "chance": verdict.chance}
    return dg.AssetCheckResult(passed=verdict.passed, metadata=figures, description=verdict.text)


CHECKS = [
    tracks_are_unique,
    most_audio_is_usable,
    artists_are_disjoint,
    served_model_beats_chance,
    *(_unit_vectors(variant) for variant in VARIANTS),
]
