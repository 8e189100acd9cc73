"""Group providers: asking Genius and YouTube for what the raw data lack. What is done with it belongs to group raw."""

import dagster as dg
import polars as pl

from dagster_project.failing import telling
from dagster_project.metadata import table
from dagster_project.resources import SimSong, events
from simsong_pipeline.providers.audio_fetching import fetch_audio
from simsong_pipeline.providers.fetching import SHARES, Fetched, Portion
from simsong_pipeline.providers.lyric_fetching import fetch_lyrics
from simsong_pipeline.providers.raw_source import raw_folder_of

GROUP = "providers"
# Shares of the asking, not the buckets of a home's files: partitions are the same whatever home is meant.
buckets = dg.StaticPartitionsDefinition([f"bucket-{number:02d}" for number in SHARES.numbers])


@dg.asset(group_name=GROUP, partitions_def=buckets, pool="genius")
@telling
def genius_pages(context: dg.AssetExecutionContext, simsong: SimSong) -> dg.MaterializeResult:
    """Lyrics of the bucket's tracks, asked for where none are known. Needs GENIUS_ACCESS_TOKEN."""
    workspace, source = simsong.workspace(), raw_folder_of(simsong.source(), simsong.workspace())
    with workspace.provider_lock("Genius"):
        found = fetch_lyrics(workspace, source, simsong.config(), events(context), _portion(context))
    return _result(found)


@dg.asset(group_name=GROUP, partitions_def=buckets, pool="youtube")
@telling
def youtube_recordings(context: dg.AssetExecutionContext, simsong: SimSong) -> dg.MaterializeResult:
    """Recordings of the bucket's tracks. Needs SIMSONG_YOUTUBE_TERMS=accepted: read docs/data.md before."""
    workspace, source = simsong.workspace(), raw_folder_of(simsong.source(), simsong.workspace())
    with workspace.provider_lock("YouTube"):
        found = fetch_audio(workspace, source, simsong.config(), events(context), _portion(context))
    return _result(found)


def _portion(context: dg.AssetExecutionContext) -> Portion:
    return Portion(buckets=frozenset(int(key.removeprefix("bucket-")) for key in context.partition_keys))


def _result(found: Fetched) -> dg.MaterializeResult:
    """Counts by state, and the songs that were not found with their reasons."""
    counts = found.table.group_by("status").len().rows()
    failed = found.table.filter(pl.col("reason").fill_null("") != "")
    numbers = {f"songs_{(name or 'not_asked').lower()}": count for name, count in counts}
    reasons = table(failed.select("track_id", "status", "likeness", "runner_up", "reason"))
    return dg.MaterializeResult(metadata={"asked": found.asked, "left": found.left, **numbers, "not_found": reasons})
