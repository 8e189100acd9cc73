"""Raw data of whatever kind as raw frames, unless half of them is gone since the last run."""

import polars as pl

from simsong_pipeline.audio.feature_format import hears_events
from simsong_pipeline.config import SampleConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.refresh import IF_MEANT, is_shrunken
from simsong_pipeline.schemas import LIBRARY_FILES
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.source import ListeningFrames, SourceConfig

# What a person calls the rows of the frames that are watched.
_ROWS = {
    LIBRARY_FILES.name: "files in the music folder",
    "msd_tracks": "tracks",
    "youtube_audio": "recordings",
    "genius_lyrics": "lyrics pages",
}


def refuse_shrunken(run: Run, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, unless it lost more than half of its rows since the last run.

    Raises:
        RawDataError: naming what shrank, unless that is meant.
    """
    if name not in run.source.watched or run.wishes.accept_shrink:
        return frame
    previous = run.workspace.read_if_there(name)
    if previous is not None and is_shrunken(frame.height, previous.height):
        raise RawDataError(
            f"there are {frame.height} {_ROWS[name]} now, and there were {previous.height} in the last run: check that "
            f"the raw data are complete. Nothing was changed; {IF_MEANT}"
        )
    return frame


def ensure_raw(workspace: Workspace, source: SourceConfig, sample: SampleConfig, progress: Progress) -> bool:
    """Write the sample catalogue where neither the source nor the home has raw data; true when it was written."""
    known = workspace.read_if_there(LIBRARY_FILES.name)
    if known is not None and known.height:
        return False  # a home of a music folder: nothing is put beside it
    if workspace.frame_path("msd_tracks").is_file():
        return False  # a home of other data, which nobody names now: those who read them say so
    if source.is_named or workspace.raw.is_dir():
        return False
    # Imported here because a night, which writes none, should not wait for it.
    from simsong_pipeline.sources.sample.generate import write_sample

    write_sample(workspace.raw, sample, progress)
    return True


def read_files(run: Run) -> pl.DataFrame:
    """The music folder's files, of which only new and changed ones are opened; without one what was known of it."""
    files = run.source.files(run.events.progress, run.events.note)
    return refuse_shrunken(run, LIBRARY_FILES.name, files)


def read_tracks(run: Run) -> pl.DataFrame:
    """Raw tracks; a music folder's are those of the frame that `read_files` gave."""
    tracks = refuse_shrunken(run, "msd_tracks", run.source.tracks(run.events.progress))
    run.events.count("tracks", tracks.height)
    return tracks


def read_listening(run: Run, raw_tracks: pl.DataFrame) -> ListeningFrames:
    """Ground truth and tags by the configured relevance."""
    return run.source.listening(raw_tracks, run.config.evaluation.relevance, run.events.progress)


def read_recordings(run: Run) -> pl.DataFrame:
    """The recordings: what the music folder holds, what the manifest names, or what lies in audio/.

    Where songs are known by their events, the files that hold these.
    """
    return refuse_shrunken(run, "youtube_audio", recordings_of(run))


def recordings_of(run: Run) -> pl.DataFrame:
    """What the encoder hears: recordings, or files of events."""
    read = run.source.event_files if hears_events(run.config) else run.source.recordings
    return read(run.events.progress)


def read_lyric_pages(run: Run) -> pl.DataFrame:
    """Lyrics pages; which of a track's is used is decided when they are cleaned."""
    return refuse_shrunken(run, "genius_lyrics", run.source.lyric_pages(run.events.progress))
