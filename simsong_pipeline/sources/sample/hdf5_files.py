"""Writes tracks as the Million Song Dataset's HDF5 files: one a track, aggregates of many, and the summary."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.sources.sample.msd_files import MsdTrack, letter_folder

METADATA = np.dtype(
    [("analyzer_version", "S32"), ("artist_7digitalid", "<i4"), ("artist_familiarity", "<f8")]
    + [("artist_hotttnesss", "<f8"), ("artist_id", "S32"), ("artist_latitude", "<f8"), ("artist_location", "S1024")]
    + [("artist_longitude", "<f8"), ("artist_mbid", "S40"), ("artist_name", "S1024"), ("artist_playmeid", "<i4")]
    + [("genre", "S1024"), ("idx_artist_terms", "<i4"), ("idx_similar_artists", "<i4"), ("release", "S1024")]
    + [("release_7digitalid", "<i4"), ("song_hotttnesss", "<f8"), ("song_id", "S32"), ("title", "S1024")]
    + [("track_7digitalid", "<i4")]
)
MUSICBRAINZ = np.dtype([("idx_artist_mbtags", "<i4"), ("year", "<i4")])
# The arrays of /analysis, and which columns they have.
ARRAYS = {
    "bars_confidence": (),
    "bars_start": (),
    "beats_confidence": (),
    "beats_start": (),
    "sections_confidence": (),
    "sections_start": (),
    "segments_confidence": (),
    "segments_loudness_max": (),
    "segments_loudness_max_time": (),
    "segments_loudness_start": (),
    "segments_pitches": (12,),
    "segments_start": (),
    "segments_timbre": (12,),
    "tatums_confidence": (),
    "tatums_start": (),
}
ANALYSIS = np.dtype(
    [("analysis_sample_rate", "<i4"), ("audio_md5", "S32"), ("danceability", "<f8"), ("duration", "<f8")]
    + [("end_of_fade_in", "<f8"), ("energy", "<f8"), *((f"idx_{name}", "<i4") for name in ARRAYS)]
    + [("key", "<i4"), ("key_confidence", "<f8"), ("loudness", "<f8"), ("mode", "<i4"), ("mode_confidence", "<f8")]
    + [("start_of_fade_out", "<f8"), ("tempo", "<f8"), ("time_signature", "<i4")]
    + [("time_signature_confidence", "<f8"), ("track_id", "S32")]
)
# As the data set's own files are cut.
_CHUNK = {(): (1024,), (12,): (85, 12)}

Arrays = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Analysed:
    """A track and what is known of its sound: arrays of /analysis, of which those that are missing have no rows."""

    track: MsdTrack
    loudness: float = -9.0
    arrays: Arrays = field(default_factory=dict)

    def array(self, name: str) -> NDArray[np.float64]:
        """[rows, *columns]."""
        return self.arrays.get(name, np.zeros((0, *ARRAYS[name])))


def write_track_file(root: Path, song: Analysed) -> Path:
    """One HDF5 file in the letter layout."""
    folder = letter_folder(root, song.track.track_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{song.track.track_id}.h5"
    write_aggregate_file(path, [song])
    return path


def write_aggregate_file(path: Path, songs: Sequence[Analysed]) -> None:
    """Many tracks in one file: a row each, and their arrays one after the other from the rows that `idx_…` name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        _write_tables(file, songs, {name: _firsts(len(s.array(name)) for s in songs) for name in ARRAYS})
        for name, columns in ARRAYS.items():
            values = np.concatenate([song.array(name) for song in songs])
            _write(file, f"analysis/{name}", values, _CHUNK[columns])


def write_summary_file(path: Path, tracks: Sequence[MsdTrack]) -> None:
    """All tracks in one file: the same three tables with one row a track, and none of the arrays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        _write_tables(file, [Analysed(track) for track in tracks], {})


def _firsts(counts: Iterable[int]) -> NDArray[np.int64]:
    ends = np.cumsum(list(counts))
    return np.concatenate([np.zeros(1, np.int64), ends[:-1]])


def _write_tables(file: h5py.File, songs: Sequence[Analysed], firsts: Mapping[str, NDArray[np.int64]]) -> None:
    file.attrs["TITLE"] = np.bytes_(b"H5 Song File")
    analysis = np.array([_analysis(song) for song in songs], ANALYSIS)
    for name, first in firsts.items():
        analysis[f"idx_{name}"] = first
    chunk = (min(len(songs), 256),)
    _write(file, "metadata/songs", np.array([_metadata(s.track) for s in songs], METADATA), chunk)
    _write(file, "analysis/songs", analysis, chunk)
    _write(file, "musicbrainz/songs", np.array([(0, s.track.year) for s in songs], MUSICBRAINZ), chunk)


def _write(file: h5py.File, name: str, values: NDArray[np.generic], chunk: tuple[int, ...]) -> None:
    growing = (None, *values.shape[1:])
    file.create_dataset(name, data=values, compression="gzip", compression_opts=1, chunks=chunk, maxshape=growing)


def _metadata(t: MsdTrack) -> tuple[object, ...]:
    nan = float("nan")
    words = (t.artist_id.encode(), nan, b"", nan, b"", t.artist_name.encode(), -1)
    names = (b"", 0, 0, t.release.encode(), -1, nan, t.song_id.encode(), t.title.encode(), -1)
    return (b"", -1, nan, nan, *words, *names)


def _analysis(song: Analysed) -> tuple[object, ...]:
    t, fade = song.track, max(song.track.duration - 0.5, 0.0)
    firsts = (0,) * len(ARRAYS)
    known = (t.key, 1.0, song.loudness, t.mode, 1.0, fade, t.tempo, 4, 1.0, t.track_id.encode())
    return (22_050, b"", 0.0, t.duration, 0.0, 0.0, *firsts, *known)
