"""Group raw: what the sources hold, as frames. No judgement about it belongs here, but whether it changed."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from dagster_project.failing import telling
from dagster_project.freshness import vouched
from dagster_project.metadata import counts
from dagster_project.resources import SimSong
from dagster_project.watching import is_whole
from simsong_pipeline.home.run import Run
from simsong_pipeline.runs import ledger
from simsong_pipeline.stages import raw

GROUP = "raw"
# Assets of the providers' own code location.
_FETCHED_AUDIO, _FETCHED_LYRICS = dg.AssetKey("youtube_recordings"), dg.AssetKey("genius_pages")


class Look(dg.Config):
    """Run configuration of the first asset: whether everything else is skipped where nothing changed."""

    only_if_changed: bool = False


@dg.asset(group_name=GROUP, io_manager_key="frames", output_required=False)
@telling
def raw_files(
    context: dg.AssetExecutionContext, config: Look, simsong: SimSong
) -> Iterator[dg.Output[pl.DataFrame] | dg.AssetObservation | dg.AssetMaterialization]:
    """The raw data's files, with size and time of change; a sample catalogue is written where there are none."""
    run = simsong.run(context)
    run.workspace.settle_buckets(run.config.home.buckets)
    with run.workspace.lock():
        written = raw.ensure_raw(run.workspace, run.source.config, simsong.sample(), run.events.progress)
        listing = ledger.listed(run)
        nothing = ledger.unchanged(run, listing) if config.only_if_changed else None
        if nothing is None:
            _settle_encoder(run)
    if nothing is not None:
        context.log.info("nothing changed since the last run: everything that follows is skipped")
        is_whole(context.run.run_id)
        yield dg.AssetObservation(context.asset_key, metadata={"changed": False, **counts(nothing)})
        yield from vouched(run.workspace)
        return
    yield dg.Output(listing, metadata={"sample_written": written, "home": str(run.workspace.home)})


def _settle_encoder(run: Run) -> None:
    from simsong_pipeline.home.hearing import settle_encoder

    settle_encoder(run.workspace, run.source, run.config, run.events)


@dg.asset(group_name=GROUP, deps=[raw_files], io_manager_key="frames")
@telling
def library_files(context: dg.AssetExecutionContext, simsong: SimSong) -> pl.DataFrame:
    """The files of a person's music folder with tags and lyrics; no rows where the raw data are others."""
    return raw.read_files(simsong.run(context))


@dg.asset(group_name=GROUP, deps=[library_files], io_manager_key="frames")
@telling
def msd_tracks(context: dg.AssetExecutionContext, simsong: SimSong) -> dg.MaterializeResult[pl.DataFrame]:
    """Tracks as the Million Song Dataset, a manifest or a music folder has them; unreadable ones with a reason."""
    frame = raw.read_tracks(simsong.run(context))
    return dg.MaterializeResult(value=frame, metadata={"unreadable": frame["unreadable"].count()})


@dg.multi_asset(
    group_name=GROUP,
    outs={
        name: dg.AssetOut(io_manager_key="frames") for name in ("lastfm_similarity", "lastfm_tags", "lastfm_exclusions")
    },
)
@telling
def lastfm(context: dg.AssetExecutionContext, msd_tracks: pl.DataFrame, simsong: SimSong) -> Iterator[dg.Output]:
    """Who is similar to whom (Last.fm's lists, or songs of one artist or genre), tags, and unreadable files."""
    frames = raw.read_listening(simsong.run(context), msd_tracks)
    queries = frames.similarity["track_id"].n_unique()
    yield dg.Output(frames.similarity, "lastfm_similarity", metadata={"tracks_with_neighbours": queries})
    yield dg.Output(frames.tags, "lastfm_tags")
    yield dg.Output(frames.exclusions, "lastfm_exclusions")


@dg.asset(group_name=GROUP, deps=[library_files, _FETCHED_AUDIO], io_manager_key="frames")
@telling
def youtube_audio(context: dg.AssetExecutionContext, simsong: SimSong) -> pl.DataFrame:
    """The recordings that an acquisition step left, with size and time of change."""
    return raw.read_recordings(simsong.run(context))


@dg.asset(group_name=GROUP, deps=[library_files, _FETCHED_LYRICS], io_manager_key="frames")
@telling
def genius_lyrics(context: dg.AssetExecutionContext, simsong: SimSong) -> pl.DataFrame:
    """Lyrics pages as fetched, and musiXmatch's bags of words where there is no page."""
    return raw.read_lyric_pages(simsong.run(context))
