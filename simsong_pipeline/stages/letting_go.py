"""Lets go of the frames of songs that training does not draw from, at the end of a run."""

import polars as pl

from simsong_pipeline.audio.feature_format import keeps_frames, trains_body
from simsong_pipeline.audio.feature_store import is_let_go, without_files
from simsong_pipeline.errors import ModelUnavailableError
from simsong_pipeline.home.run import Run
from simsong_pipeline.stages.body_means import body_means
from simsong_pipeline.stages.drawn_songs import drawn_songs

# Of the same features, wherever they lie.
_SAME = ("track_id", "audio_sha256", "front_end", "frames")


def let_go(run: Run) -> int:
    """Let go of the frames of songs that training does not draw from, by the frames of this run; of how many songs.

    Call it when all songs are embedded and measured, and before the ledger is settled. First the frame says that the
    songs have none, then they are deleted: whoever is killed between leaves songs that are heard again. What it cannot
    let go of now, a later run does.

    Raises:
        StaleRunError: another run has begun since this one did.
        SchemaError: frames that stay are missing or damaged.
    """
    workspace, config = run.workspace, run.config
    if not keeps_frames(config):
        return 0
    with workspace.lock():
        features = workspace.read("segment_features")
        drawn = drawn_songs(workspace.read("splits"), lambda: workspace.read("lastfm_similarity"), features, config)
        try:
            features = _forgotten(run, features, drawn)
        except ModelUnavailableError as error:
            _note(run, str(error))
            return 0
        token = workspace.fence.claim(run.run_id)
        done = workspace.features(config).let_go(drawn, lambda: workspace.fence.check(run.run_id, token))
        if done.songs:  # those that stay lie in other files, where they shared one with these
            places = done.places.select(*_SAME, "file", "offset")
            workspace.write("segment_features", features.update(places, on=_SAME))
        if done.busy:
            _note(run, done.busy)
        return done.songs


def _forgotten(run: Run, features: pl.DataFrame, drawn: set[str]) -> pl.DataFrame:
    """The frame without the files of the others; what a body that is trained hears of them is kept before."""
    gone = features.filter(is_let_go(drawn))["track_id"].to_list()
    if not gone:
        return features
    if trains_body(run.config):
        body_means(run.workspace, gone, run.config, remember=True)
    return run.workspace.write("segment_features", without_files(features, drawn))


def _note(run: Run, why: str) -> None:
    run.events.note(f"log-mels that nobody needs again stay until the next run: {why}")
