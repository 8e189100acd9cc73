"""Sample tracks, and the Million Song Dataset's files of SQLite and `<SEP>` texts about them."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
