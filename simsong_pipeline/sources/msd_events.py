"""Which tracks the data set's features are there for, and where: the tree of a file a track, and aggregate files."""

from pathlib import Path

import h5py
import polars as pl

from simsong_pipeline.audio.event_place import SUFFIX, place_of_row
from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.schemas import AUDIO_FILES, conform
from simsong_pipeline.sources.audio_tree import with_file_state
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.hdf5_nodes import node_of
from simsong_pipeline.sources.msd_layout import aggregates, track_tree
from simsong_pipeline.sources.music_folders import files_below

_PLACES = {"track_id": pl.String, "path": pl.String}


def has_events(msd: Path) -> bool:
    """Whether there is a tree of tracks, or an aggregate with arrays; of the tree nothing is opened."""
    return track_tree(msd) is not None or any(_has_arrays(path) for path in aggregates(msd))


def find_event_files(msd: Path, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """The `audio_files` frame of what stands in for recordings: of two for a track its own file.

    Raises:
        RawDataError: there is none, or an aggregate cannot be read.
    """
    tree = track_tree(msd)
    files = [] if tree is None else files_below(tree.absolute(), frozenset({SUFFIX}))
    own = pl.DataFrame([(path.stem, str(path)) for path in files], schema=_PLACES, orient="row")
    own = with_file_state(own.unique("track_id", keep="first", maintain_order=True), progress)
    found = pl.concat([own, *(_rows_of(path.absolute()) for path in aggregates(msd) if _has_arrays(path))])
    if not found.height:
        raise RawDataError(
            f"no features below {msd}: SimSong looks for data/ with the tree A/B/C/TR….h5, or aggregates/ with files "
            "of many tracks (a summary file has no features)"
        )
    return conform(found.unique("track_id", keep="first", maintain_order=True), AUDIO_FILES)


def _rows_of(aggregate: Path) -> pl.DataFrame:
    try:
        with h5py.File(aggregate, "r", locking=False) as file:
            ids = node_of(file, "analysis", "songs").fields("track_id")[:]
        known = [track_id.decode("utf-8", errors="replace") for track_id in ids.tolist()]
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise RawDataError(
            f"{aggregate} is not a readable aggregate file ({first_line(error)}): mend it or take it away"
        ) from error
    state = aggregate.stat()
    places = pl.DataFrame({"track_id": known, "path": [place_of_row(str(aggregate), n) for n in range(len(known))]})
    states = (pl.lit(state.st_size).alias("size_bytes"), pl.lit(state.st_mtime_ns).alias("modified_ns"))
    return conform(places.unique("track_id", keep="first", maintain_order=True).with_columns(states), AUDIO_FILES)


def _has_arrays(path: Path) -> bool:
    """True as well where it cannot be opened: whoever reads it says why."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            return "analysis/segments_timbre" in file
    except OSError:
        return True
