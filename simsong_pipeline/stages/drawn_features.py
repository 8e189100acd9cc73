"""Features of the songs that training draws from, where some were let go of: a song may have come to another part."""

from collections.abc import Collection, Sequence

import polars as pl

from simsong_pipeline.audio.feature_format import keeps_frames
from simsong_pipeline.engines.opening import opened_engine
from simsong_pipeline.home.run import Run
from simsong_pipeline.learning.training.processes import is_first_process
from simsong_pipeline.stages.catalogue_stages import audio_tasks
from simsong_pipeline.stages.drawn_songs import drawn_songs, known_songs
from simsong_pipeline.stages.hearing_work import Turn, hear_all, hearing_of
from simsong_pipeline.stages.training_data import TrainingFrames, with_other_features


def with_known_features(run: Run, frames: TrainingFrames) -> TrainingFrames:
    """The frames, once all training and validation songs have features; one that cannot be heard is left out.

    Raises:
        BusyError: another process works on one of their buckets, and went on working.
    """
    if not _lacks_some(run, frames):
        return frames
    return _with_features(run, frames, known_songs(frames.splits, frames.segment_features))


def with_drawn_features(run: Run, frames: TrainingFrames) -> TrainingFrames:
    """The frames, once the songs that a start is fitted on have features as well; raises as `with_known_features`."""
    if not _lacks_some(run, frames):
        return frames
    drawn = drawn_songs(frames.splits, lambda: frames.similarity, frames.segment_features, run.config)
    return _with_features(run, frames, drawn)


def _lacks_some(run: Run, frames: TrainingFrames) -> bool:
    return keeps_frames(run.config) and frames.segment_features["file"].null_count() > 0


def _with_features(run: Run, frames: TrainingFrames, songs: Collection[str]) -> TrainingFrames:
    wanted = pl.col("file").is_null() & pl.col("track_id").is_in(list(songs))
    lacking = frames.segment_features.filter(wanted)["track_id"].to_list()
    return _mended(run, frames, lacking) if lacking else frames


def _mended(run: Run, frames: TrainingFrames, lacking: list[str]) -> TrainingFrames:
    """All songs of the buckets lie in other files afterwards; the home's frame names these as well."""
    workspace = run.workspace
    buckets = sorted(workspace.buckets.of_all(lacking))
    heard = _heard(run, _within(frames.tracks, run, buckets), buckets, lacking)
    if is_first_process():
        with workspace.lock():
            before = workspace.read("segment_features")
            workspace.write("segment_features", before.update(heard, on="track_id", how="left"))
    others = _within(frames.segment_features, run, buckets)
    found = heard.filter(pl.col("file").is_not_null() | ~pl.col("track_id").is_in(lacking))
    return with_other_features(frames, others, found)


def _within(songs: pl.DataFrame, run: Run, buckets: Sequence[int]) -> pl.DataFrame:
    own = [run.workspace.buckets.of(track_id) in buckets for track_id in songs["track_id"].to_list()]
    return songs.filter(pl.Series(own, dtype=pl.Boolean))


def _heard(run: Run, tracks: pl.DataFrame, buckets: Sequence[int], lacking: list[str]) -> pl.DataFrame:
    """Rows of segment_features of these buckets, once those that lack features have some if they can be heard."""
    workspace = run.workspace
    tasks = audio_tasks(tracks, workspace.read("youtube_audio"))
    run.events.note(f"{len(lacking)} songs to train on are heard again")
    with opened_engine(run.config, run.events.note) as engine:
        function = hearing_of(workspace, run.config, _turn(run))
        return hear_all(function, engine, tasks, buckets, run.events.progress, lacking).segment_features


def _turn(run: Run) -> Turn | None:
    """None for the further processes of torchrun, which hear some of the buckets for the first one's run."""
    if not is_first_process():
        return None
    fence = run.workspace.fence
    with run.workspace.lock():
        return Turn(fence, run.run_id, fence.claim(run.run_id))
