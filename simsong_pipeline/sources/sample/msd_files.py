"""Writes sample tracks in the Million Song Dataset's formats: HDF5, SQLite and `<SEP>` text files."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

METADATA = np.dtype(
    [("analyzer_version", "S32"), ("artist_7digitalid", "<i4"), ("artist_familiarity", "<f8")]
    + [
        ("artist_hotttnesss", "<f8"),
        ("artist_id", "S32"),
        ("artist_latitude", "<f8"),
        ("artist_location", "S1024"),
    ]
    + [
        ("artist_longitude", "<f8"),
        ("artist_mbid", "S40"),
        ("artist_name", "S1024"),
        ("artist_playmeid", "<i4"),
    ]
    + [("genre", "S1024"), ("idx_artist_terms", "<i4"), ("idx_similar_artists", "<i4"), ("release", "S1024")]
    + [("release_7digitalid", "<i4"), ("song_hotttnesss", "<f8"), ("song_id", "S32"), ("title", "S1024")]
    + [("track_7digitalid", "<i4")]
)
ANALYSIS = np.dtype(
    [("analysis_sample_rate", "<i4"), ("audio_md5", "S32"), ("duration", "<f8"), ("key", "<i4")]
    + [("key_confidence", "<f8"), ("loudness", "<f8"), ("mode", "<i4"), ("mode_confidence", "<f8")]
    + [("tempo", "<f8"), ("time_signature", "<i4"), ("time_signature_confidence", "<f8"), ("track_id", "S32")]
)
MUSICBRAINZ = np.dtype([("idx_artist_mbtags", "<i4"), ("year", "<i4")])
SONGS_TABLE = (
    "CREATE TABLE songs (track_id text PRIMARY KEY, title text, song_id text, release text, artist_id text, "
    "artist_mbid text, artist_name text, duration real, artist_familiarity real, artist_hotttnesss real, "
    "year int, track_7digitalid int, shs_perf int, shs_work int)"
)


@dataclass(frozen=True)
class MsdTrack:
    """One track as the data set knows it; `key` 0 is C, `mode` 1 is major, year 0 is unknown."""

    track_id: str
    song_id: str
    artist_id: str
    artist_name: str
    title: str
    release: str
    year: int
    duration: float
    tempo: float
    key: int
    mode: int
    beats: float


def letter_folder(root: Path, track_id: str) -> Path:
    """`root`/A/B/C for a track id TRABC…: the data set's layout."""
    return root / track_id[2] / track_id[3] / track_id[4]


def write_track_file(root: Path, track: MsdTrack) -> Path:
    """One HDF5 file in the letter layout."""
    folder = letter_folder(root, track.track_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{track.track_id}.h5"
    _write_hdf5(path, [track])
    with h5py.File(path, "a") as file:
        beats = np.arange(0.0, track.duration if np.isfinite(track.duration) else 20.0, track.beats)
        file.create_dataset("analysis/beats_start", data=beats, compression="gzip")
        file.create_dataset("analysis/bars_start", data=beats[::4], compression="gzip")
    return path


def write_summary_file(path: Path, tracks: Sequence[MsdTrack]) -> None:
    """All tracks in one file: the same three tables with one row per track."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_hdf5(path, tracks)


def _write_hdf5(path: Path, tracks: Sequence[MsdTrack]) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["TITLE"] = np.bytes_(b"H5 Song File")
        for name, rows in (
            ("metadata/songs", np.array([_metadata(t) for t in tracks], METADATA)),
            ("analysis/songs", np.array([_analysis(t) for t in tracks], ANALYSIS)),
            ("musicbrainz/songs", np.array([(0, t.year) for t in tracks], MUSICBRAINZ)),
        ):
            file.create_dataset(name, data=rows, compression="gzip", chunks=(min(len(rows), 256),))


def _metadata(t: MsdTrack) -> tuple[object, ...]:
    nan = float("nan")
    words = (t.artist_id.encode(), nan, b"", nan, b"", t.artist_name.encode(), -1)
    names = (b"", 0, 0, t.release.encode(), -1, nan, t.song_id.encode(), t.title.encode(), -1)
    return (b"", -1, nan, nan, *words, *names)


def _analysis(t: MsdTrack) -> tuple[object, ...]:
    return (22_050, b"", t.duration, t.key, 1.0, -9.0, t.mode, 1.0, t.tempo, 4, 1.0, t.track_id.encode())


def write_track_metadata_db(path: Path, tracks: Sequence[MsdTrack]) -> None:
    """`track_metadata.db`: NaN is stored as -1, an unknown year as 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    rows = [
        (t.track_id, t.title, t.song_id, t.release, t.artist_id, "", t.artist_name)
        + (t.duration if np.isfinite(t.duration) else -1.0, -1.0, -1.0, t.year, -1, -1, 0)
        for t in tracks
    ]
    with sqlite3.connect(path) as connection:
        connection.execute(SONGS_TABLE)
        connection.executemany(f"INSERT INTO songs VALUES ({','.join('?' * 14)})", rows)
    connection.close()


def write_text_files(
    folder: Path,
    tracks: Sequence[MsdTrack],
    mismatched: Sequence[MsdTrack],
    cliques: Sequence[Sequence[MsdTrack]],
) -> None:
    """`unique_tracks.txt`, `sid_mismatches.txt` and `msd_duplicates.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    unique = [f"{t.track_id}<SEP>{t.song_id}<SEP>{t.artist_name}<SEP>{t.title}" for t in tracks]
    (folder / "unique_tracks.txt").write_text("\n".join(unique) + "\n", encoding="utf-8")
    errors = [
        f"ERROR: <{t.song_id} {t.track_id}> {t.artist_name}  -  {t.title}  !=  {tracks[0].artist_name}  -  Other Song"
        for t in mismatched
    ]
    (folder / "sid_mismatches.txt").write_text("\n".join([*errors, ""]), encoding="utf-8")
    lines = ["# sample catalogue: duplicate cliques"]
    for number, clique in enumerate(cliques):
        lines += [f"%{number} {clique[0].artist_name} - {clique[0].title}", *(t.track_id for t in clique)]
    (folder / "msd_duplicates.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
