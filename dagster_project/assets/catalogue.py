"""Groups catalogue and features: tracks, lyrics, audio with log-mels, splits, lyric embeddings.

Stages are imported by the step that needs them: a night in which nothing changed loads no decoder.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from dagster_project.failing import telling
from dagster_project.metadata import Speed, by_bucket, failures, outcome, table
from dagster_project.resources import SimSong
from simsong_pipeline.sources.cataloguing import catalogued

GROUP = "catalogue"


@dg.multi_asset(
    group_name=GROUP,
    outs={name: dg.AssetOut(io_manager_key="frames") for name in ("tracks", "track_exclusions")},
)
@telling
def tracks_and_exclusions(
    context: dg.AssetExecutionContext, msd_tracks: pl.DataFrame, simsong: SimSong
) -> Iterator[dg.Output]:
    """Tracks without mismatches and duplicates, and the reasons for those that left."""
    run = simsong.run(context)
    catalogue = catalogued(run.source, msd_tracks, run.config.catalogue)
    yield dg.Output(catalogue.tracks, "tracks", metadata={"artists": catalogue.tracks["artist_id"].n_unique()})
    yield dg.Output(catalogue.exclusions, "track_exclusions")


@dg.multi_asset(
    outs={
        "audio": dg.AssetOut(io_manager_key="frames", group_name=GROUP),
        "segment_features": dg.AssetOut(io_manager_key="frames", group_name="features"),
        "descriptions": dg.AssetOut(io_manager_key="frames", group_name="features"),
    },
)
@telling
def audio_and_features(
    context: dg.AssetExecutionContext, tracks: pl.DataFrame, youtube_audio: pl.DataFrame, simsong: SimSong
) -> Iterator[dg.Output]:
    """One pass over the recordings that are new or changed: decode, check, describe, hear."""
    from simsong_pipeline.stages import catalogue_stages as stages

    speed, run = Speed(), simsong.run(context)
    frames = stages.make_audio(run, tracks, youtube_audio)
    failed = failures(frames.audio, frames.segment_features)
    skipped = frames.audio.filter(pl.col("status") != "missing").height - frames.decoded
    metadata = outcome("decoded", frames.decoded, skipped, failed, speed)
    songs, lost = frames.audio["track_id"], failed["track_id"]
    metadata |= by_bucket(run.workspace.buckets, songs, "decoded", frames.decoded_in, lost)
    yield dg.Output(frames.audio, "audio", metadata=metadata)
    hours = float(frames.audio["duration_s"].sum() / 3600)
    yield dg.Output(frames.segment_features, "segment_features", metadata={**metadata, "hours": hours})
    yield dg.Output(frames.descriptions, "descriptions")


@dg.asset(group_name=GROUP, io_manager_key="frames")
@telling
def lyrics(
    context: dg.AssetExecutionContext, tracks: pl.DataFrame, genius_lyrics: pl.DataFrame, simsong: SimSong
) -> dg.MaterializeResult[pl.DataFrame]:
    """Cleaned lyrics and their language, one row a track; songs without words, or without a page, are skipped."""
    from simsong_pipeline.stages import catalogue_stages as stages

    speed = Speed()
    frame = stages.make_lyrics(simsong.run(context), tracks, genius_lyrics)
    ok, bad = frame.filter(status="ok"), frame.filter(status="invalid")
    without = {status: frame.filter(status=status).height for status in ("instrumental", "missing")}
    metadata = outcome("cleaned", ok.height, sum(without.values()), failures(bad, ok), speed)
    return dg.MaterializeResult(value=frame, metadata={**metadata, **without})


@dg.asset(group_name=GROUP, io_manager_key="frames")
@telling
def splits(
    context: dg.AssetExecutionContext, tracks: pl.DataFrame, audio: pl.DataFrame, simsong: SimSong
) -> dg.MaterializeResult[pl.DataFrame]:
    """Artist-disjoint parts."""
    from simsong_pipeline.stages import catalogue_stages as stages

    frame = stages.make_splits(simsong.run(context), tracks, audio)
    counts = dict(frame["split"].cast(pl.String).value_counts().rows())
    return dg.MaterializeResult(value=frame, metadata=counts)


@dg.asset(group_name=GROUP, io_manager_key="frames")
@telling
def exclusions(
    track_exclusions: pl.DataFrame, lastfm_exclusions: pl.DataFrame, audio: pl.DataFrame, lyrics: pl.DataFrame
) -> dg.MaterializeResult[pl.DataFrame]:
    """Everything that was left out, with its reason."""
    from simsong_pipeline.stages import catalogue_stages as stages

    frame = stages.make_exclusions(track_exclusions, lastfm_exclusions, audio, lyrics)
    shown = frame.select("track_id", "reason", "stage", "file")
    return dg.MaterializeResult(value=frame, metadata={"first_rows": table(shown)})


@dg.asset(group_name="features", io_manager_key="frames")
@telling
def lyric_embeddings(
    context: dg.AssetExecutionContext, lyrics: pl.DataFrame, splits: pl.DataFrame, simsong: SimSong
) -> dg.MaterializeResult[pl.DataFrame]:
    """Vectors of the lyrics, by a BERT-family model or by words' counts; only new or changed texts are embedded."""
    from simsong_pipeline.stages import catalogue_stages as stages

    speed, run = Speed(), simsong.run(context)
    result = stages.make_lyric_embeddings(run, lyrics, splits)
    failed = failures(lyrics.filter(pl.col("status").is_in(["ok", "invalid"])), result.frame)
    metadata = outcome("embedded", result.embedded, result.frame.height - result.embedded, failed, speed)
    buckets, songs = run.workspace.buckets, result.frame["track_id"]
    metadata |= by_bucket(buckets, songs, "embedded", buckets.counts(result.new), failed["track_id"])
    return dg.MaterializeResult(value=result.frame, metadata=metadata)
