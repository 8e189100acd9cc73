"""Reads Million Song Dataset HDF5: the per-track tree and the summary file, which hold the same tables."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.sources.counting import Progress, counted
from simsong_pipeline.sources.hdf5_nodes import node_of
from simsong_pipeline.sources.music_folders import files_below
from simsong_pipeline.sources.raw_tracks import RAW_TRACKS, RawTracks, UnreadableFile

_CHUNK = 50_000


def read_summary_file(path: Path, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """All tracks of `msd_summary_file.h5` as a raw-track frame.

    Raises:
        RawDataError: the file is missing, not HDF5, or lacks a table.
    """
    try:
        parts = [_rows(part) for part in _tables(path, progress)]
    except (OSError, KeyError, ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise RawDataError(
            f"{path} is not a readable Million Song Dataset HDF5 file ({error}): download it again or delete it"
        ) from error
    if not parts:
        raise RawDataError(f"{path} is not a readable Million Song Dataset HDF5 file (it has no track): delete it")
    return pl.concat(parts).with_columns(pl.lit(str(path)).alias("file"))


def read_track_tree(root: Path, progress: Progress = lambda *_: None) -> RawTracks:
    """All `*.h5` files below `root`; see `read_track_files`."""
    return read_track_files(root, files_below(root, frozenset({".h5"})), None, progress)


def read_track_files(root: Path, paths: list[Path], known: pl.DataFrame | None, progress: Progress) -> RawTracks:
    """The tracks of files below `root`. A file that cannot be read is listed, and the others are kept.

    Args:
        known: tracks of a table that says the same: their files are not opened. Null where there is none.

    Raises:
        RawDataError: there is no HDF5 file below `root`, or none can be read.
    """
    if not paths:
        raise RawDataError(f"no .h5 file below {root}: point to the folder that holds the track tree")
    frames, unreadable = [], []
    if known is not None:
        places = pl.DataFrame([(p.stem, str(p)) for p in paths], schema=["track_id", "file"], orient="row")
        frames.append(known.drop("file").join(places, on="track_id").sort("track_id").select(known.columns))
        named = set(known["track_id"].to_list())
        paths = [path for path in paths if path.stem not in named]
    for path in counted(paths, progress):
        try:
            frames.append(read_summary_file(path))
        except RawDataError as error:
            unreadable.append(UnreadableFile(path, str(error)))
    if not frames:
        raise RawDataError(f"none of the {len(paths)} .h5 files below {root} can be read; {unreadable[0].reason}")
    return RawTracks(pl.concat(frames), tuple(unreadable))


def _tables(path: Path, progress: Progress) -> Iterator[dict[str, np.ndarray]]:
    with h5py.File(path, "r") as file:
        metadata, analysis, years = (node_of(file, group, "songs") for group in ("metadata", "analysis", "musicbrainz"))
        for begin in range(0, len(metadata), _CHUNK):
            progress(begin, len(metadata))
            part = slice(begin, begin + _CHUNK)
            yield {"metadata": metadata[part], "analysis": analysis[part], "musicbrainz": years[part]}
        progress(len(metadata), len(metadata))


def _rows(tables: dict[str, np.ndarray]) -> pl.DataFrame:
    """Rows of the three tables side by side; bytes are UTF-8, NaN stays NaN for the catalogue to judge."""
    metadata, analysis = tables["metadata"], tables["analysis"]
    text = {
        "track_id": analysis["track_id"],
        "song_id": metadata["song_id"],
        "artist_id": metadata["artist_id"],
        "artist_name": metadata["artist_name"],
        "title": metadata["title"],
        "release": metadata["release"],
        "genre": metadata["genre"],
    }
    columns: dict[str, object] = {name: _decoded(values) for name, values in text.items()}
    columns["year"] = tables["musicbrainz"]["year"].astype(np.int32)
    columns["duration_s"] = analysis["duration"].astype(np.float64)
    return pl.DataFrame(columns, schema=RAW_TRACKS)


def _decoded(values: np.ndarray) -> list[str]:
    return [v.decode("utf-8", errors="replace") for v in values.tolist()]
