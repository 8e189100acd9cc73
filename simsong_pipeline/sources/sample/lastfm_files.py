"""Writes sample similarity and tags in the Last.fm data set's formats: JSON files and two SQLite files."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.sources.sample.msd_files import letter_folder


@dataclass(frozen=True)
class LastfmTrack:
    """One track with its ranked neighbours (track id, score) and tags (name, 0 to 100)."""

    track_id: str
    artist: str
    title: str
    similars: tuple[tuple[str, float], ...]
    tags: tuple[tuple[str, int], ...]


def write_json_tree(root: Path, tracks: Sequence[LastfmTrack]) -> None:
    """One JSON file a track in the letter layout."""
    for track in tracks:
        folder = letter_folder(root, track.track_id)
        folder.mkdir(parents=True, exist_ok=True)
        record = {
            "artist": track.artist,
            "timestamp": "2011-08-09 00:00:00.000000",
            "similars": [[tid, score] for tid, score in track.similars],
            "tags": [[tag, str(weight)] for tag, weight in track.tags],
            "track_id": track.track_id,
            "title": track.title,
        }
        (folder / f"{track.track_id}.json").write_text(json.dumps(record), encoding="utf-8")


def write_similars_db(path: Path, tracks: Sequence[LastfmTrack]) -> None:
    """`lastfm_similars.db`: what each track points to, and what points to it."""
    sources = {t.track_id: t.similars for t in tracks if t.similars}
    targets: dict[str, list[tuple[str, float]]] = {}
    for source, similars in sources.items():
        for target, score in similars:
            targets.setdefault(target, []).append((source, score))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        for table, rows in (("similars_src", sources), ("similars_dest", targets)):
            connection.execute(f"CREATE TABLE {table} (tid TEXT PRIMARY KEY, target TEXT)")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", _joined(rows))
    connection.close()


def _joined(rows: Mapping[str, Sequence[tuple[str, float]]]) -> list[tuple[str, str]]:
    return [(tid, ",".join(f"{other},{score:.6g}" for other, score in pairs)) for tid, pairs in rows.items()]


def write_tags_db(path: Path, tracks: Sequence[LastfmTrack]) -> None:
    """`lastfm_tags.db`: `tid_tag` joins `tids` and `tags` by their row ids."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    names = {tag: n for n, tag in enumerate(dict.fromkeys(g for t in tracks for g, _ in t.tags), start=1)}
    tagged = [t for t in tracks if t.tags]
    triples = [(n, names[tag], float(w)) for n, t in enumerate(tagged, start=1) for tag, w in t.tags]
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tags (tag TEXT)")
        connection.execute("CREATE TABLE tids (tid TEXT)")
        connection.execute("CREATE TABLE tid_tag (tid INT, tag INT, val FLOAT)")
        connection.executemany("INSERT INTO tags VALUES (?)", [(tag,) for tag in names])
        connection.executemany("INSERT INTO tids VALUES (?)", [(t.track_id,) for t in tagged])
        connection.executemany("INSERT INTO tid_tag VALUES (?, ?, ?)", triples)
    connection.close()
