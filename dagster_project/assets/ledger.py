"""The last asset: what a run read and left, for the next night to compare with."""

import dagster as dg
import polars as pl

from dagster_project.failing import telling
from dagster_project.metadata import counts
from dagster_project.resources import SimSong
from dagster_project.watching import is_whole
from simsong_pipeline.config import VARIANTS
from simsong_pipeline.runs.summary import CountedFrames, counted

# What has to be of one run for its listing to vouch for it: everything of a home that comes of the raw data.
WHOLE = frozenset(
    {
        *("raw_files", "library_files", "msd_tracks", "youtube_audio", "genius_lyrics"),
        *("lastfm_similarity", "lastfm_tags", "lastfm_exclusions", "tracks", "track_exclusions", "exclusions"),
        *("audio", "segment_features", "descriptions", "lyrics", "lyric_embeddings", "splits"),
        *(f"{variant}/{name}" for variant in VARIANTS for name in ("track_vectors", "qdrant_collection")),
    }
)
_DEPS = [dg.AssetKey([variant, "qdrant_collection"]) for variant in VARIANTS]


@dg.asset(group_name="index", deps=_DEPS)
@telling
def ledger(
    context: dg.AssetExecutionContext,
    simsong: SimSong,
    raw_files: pl.DataFrame,
    msd_tracks: pl.DataFrame,
    audio: pl.DataFrame,
    segment_features: pl.DataFrame,
    exclusions: pl.DataFrame,
    genius_lyrics: pl.DataFrame,
) -> dg.MaterializeResult:
    """What the run read and left: while all of it stays as it is, a night has nothing to do."""
    from simsong_pipeline.runs.finished import settle_finished
    from simsong_pipeline.stages.catalogue_stages import unreadable_pages

    frames = CountedFrames(msd_tracks, audio, segment_features, exclusions, unreadable_pages(genius_lyrics))
    summary = counted(frames, embedded=0, upserted=0, seconds=0.0)
    lacking = sorted(WHOLE - _materialized(context))
    settled = not lacking and settle_finished(simsong.run(context), raw_files, summary)
    if not lacking:
        is_whole(context.run.run_id)
    else:
        context.log.info(f"not of this run: {', '.join(lacking)}; so the next night looks at everything")
    return dg.MaterializeResult(metadata={"settled": settled, **counts(summary)})


def _materialized(context: dg.AssetExecutionContext) -> set[str]:
    """What this run has made so far."""
    made = context.instance.get_records_for_run(context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    keys = (record.asset_key for record in made.records)
    return {key.to_user_string() for key in keys if key is not None}
