"""Input that is meant to hurt costs its row, within bounds of time and memory."""

import json
import os
import sqlite3
import sys
import time
import zlib
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import run_of
from mutagen.id3 import ID3, TIT2, USLT

from simsong_pipeline.asking.never_list import change_never, never_list
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.lastfm_json import read_json_tree
from simsong_pipeline.sources.library.file_states import FileState, Row
from simsong_pipeline.sources.library.readers import Reader
from simsong_pipeline.sources.limits import CUT, LYRICS_BYTES, NAME_CHARACTERS, RECORD_BYTES, ROWS
from simsong_pipeline.sources.lyric_tree import read_lyric_tree
from simsong_pipeline.sources.manifest import read_manifest
from simsong_pipeline.sources.msd_hdf5 import read_summary_file
from simsong_pipeline.sources.playlists import read_playlist
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.sources.sqlite_tables import read_all
from simsong_pipeline.stages.raw import read_tracks

_TITLE, _LYRICS, _STATUS, _REASON = 6, 11, -2, -1


def _song(path: Path) -> Path:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000 * 4) / 16_000)
    soundfile.write(path, tone, 16_000, format="MP3")
    return path


def _read(path: Path) -> Row:
    stat = path.stat()
    state: FileState = (str(path), stat.st_size, stat.st_mtime_ns, 0)
    with Reader() as reader:
        return reader.row(state)


def _sparse(path: Path, size: int) -> Path:
    path.touch()
    os.truncate(path, size)
    return path


def test_a_tag_that_unpacks_to_gigabytes_costs_the_tags_and_not_the_song(tmp_path: Path) -> None:
    path = _song(tmp_path / "bomb.mp3")
    audio = path.read_bytes()
    packer = zlib.compressobj(9)
    block = b"\x00" * (1 << 24)
    packed = b"".join(packer.compress(block) for _ in range(72)) + packer.flush()  # of 1.2 GB
    body = (72 << 24).to_bytes(4, "big") + packed
    frame = b"TIT2" + len(body).to_bytes(4, "big") + b"\x00\x80" + body  # ID3v2.3, compressed
    size = len(frame)
    header = b"ID3\x03\x00\x00" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(header + frame + audio)
    row = _read(path)
    assert row[_STATUS] == "ok"
    assert row[_TITLE] is None


def test_a_title_of_two_megabytes_is_cut_with_a_mark(tmp_path: Path) -> None:
    path = _song(tmp_path / "long.mp3")
    tags = ID3()
    tags.add(TIT2(encoding=3, text=["la " * 700_000]))
    tags.save(path)
    title = _read(path)[_TITLE]
    assert isinstance(title, str)
    assert len(title) == NAME_CHARACTERS
    assert title.endswith(CUT)


def test_lyrics_without_end_are_left_out_with_a_reason(tmp_path: Path) -> None:
    tagged, beside = _song(tmp_path / "tagged.mp3"), _song(tmp_path / "beside.mp3")
    tags = ID3()
    tags.add(USLT(encoding=3, text="la " * LYRICS_BYTES))
    tags.save(tagged)
    _sparse(tmp_path / "beside.lrc", 500_000_000)
    for path in (tagged, beside):
        row = _read(path)
        assert (row[_STATUS], row[_LYRICS]) == ("ok", None)
        assert "are left out (" in str(row[_REASON])


@pytest.mark.slow
def test_a_file_that_takes_too_long_is_listed_and_the_next_one_is_read(tmp_path: Path) -> None:
    slow = (
        "import sys, json, time\n"
        "from simsong_pipeline.sources.library.recording import row_of\n"
        "for line in sys.stdin:\n"
        "    state = json.loads(line)\n"
        "    time.sleep(600 if 'slow' in state[0] else 0)\n"
        "    print(json.dumps(row_of(tuple(state))), flush=True)\n"
    )
    begun = time.monotonic()
    with Reader((sys.executable, "-c", slow), seconds=15) as reader:
        late, next_one = reader.row(("slow.mp3", 1, 1, 0)), reader.row(("empty.mp3", 0, 1, 0))
    assert late[_REASON] == "opening it takes more than 15 s; is the file damaged?"
    assert next_one[_REASON] == "file is empty"
    assert time.monotonic() - begun < 300


@pytest.mark.parametrize(
    "content",
    [b'{"track_id": "T", "text": ' + b"[" * 200_000, b" " * (LYRICS_BYTES + 1), b'{"track_id": 1'],
    ids=["brackets", "size", "cut"],
)
def test_a_page_of_lyrics_that_hurts_is_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "T.json").write_bytes(content)
    assert read_lyric_tree(tmp_path)["status"].to_list() == ["UNREADABLE"]


def test_half_a_character_in_a_page_is_left_out(tmp_path: Path) -> None:
    record = {"track_id": "T", "text": "blue \ud83d water", "provider": "genius", "status": "FOUND"}
    (tmp_path / "T.json").write_text(json.dumps(record))
    assert read_lyric_tree(tmp_path)["text"].to_list() == ["blue  water"]


def test_a_record_of_similar_songs_without_end_is_listed(tmp_path: Path) -> None:
    good = {"track_id": "TRA", "similars": [["TRB", 0.5]], "tags": []}
    (tmp_path / "TRA.json").write_text(json.dumps(good))
    _sparse(tmp_path / "TRB.json", 40 * RECORD_BYTES)
    tree = read_json_tree(tmp_path)
    assert tree.similarity.to_frame()["track_id"].to_list() == ["TRA"]
    assert [u.path.name for u in tree.unreadable] == ["TRB.json"]


def test_a_catalogue_of_a_million_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("path" + ",c" * 1_000_000 + "\nsong.mp3\n")
    with pytest.raises(RawDataError, match=r"wide\.csv"):
        read_manifest(path)


def test_a_field_without_end_costs_its_row(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,title\na.mp3,A\nb.mp3," + "b" * 20_000_000 + "\nc.mp3,C\n")
    read = read_manifest(path)
    assert sorted(read.tracks["title"].to_list()) == ["A", "C"]
    assert len(read.unreadable) == 1


def test_long_names_of_a_catalogue_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,title,artist\na.mp3," + "t" * 100_000 + ",Somebody\n")
    title = read_tracks(run_of(Workspace(tmp_path / "home"), SourceConfig(manifest=path)))["title"][0]
    assert (len(title), title.endswith(CUT)) == (NAME_CHARACTERS, True)


def test_a_path_without_end_in_a_catalogue_or_a_playlist_is_no_file(tmp_path: Path) -> None:
    endless = "x/" * 2_500 + "y.mp3"
    (tmp_path / "list.csv").write_text(f"path\n{endless}\na.mp3\n")
    (tmp_path / "list.m3u").write_text(f"{endless}\na.mp3\n")
    assert read_manifest(tmp_path / "list.csv").tracks.height == 2
    assert [p.name for p in read_playlist(tmp_path / "list.m3u").paths] == ["a.mp3"]


def _summary(path: Path) -> h5py.File:
    file = h5py.File(path, "w")
    kinds = {
        "metadata": ["song_id", "artist_id", "artist_name", "title", "release", "genre"],
        "analysis": ["track_id"],
        "musicbrainz": [],
    }
    for group, names in kinds.items():
        fields: list[tuple[str, object]] = [(name, "S20") for name in names]
        fields += [("duration", "f8")] if group == "analysis" else [("year", "i4")]
        file.create_dataset(f"{group}/songs", shape=(1,), maxshape=(None,), chunks=(64,), dtype=np.dtype(fields))
    return file


def test_a_table_of_hdf5_is_read_and_one_of_endless_rows_is_not(tmp_path: Path) -> None:
    with _summary(tmp_path / "good.h5"):
        pass
    assert read_summary_file(tmp_path / "good.h5").height == 1
    with _summary(tmp_path / "sparse.h5") as file:
        file["metadata/songs"].resize((25 * ROWS,))
    begun = time.monotonic()
    with pytest.raises(RawDataError, match=r"sparse\.h5 .*500,000,000 rows"):
        read_summary_file(tmp_path / "sparse.h5")
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    "link",
    [
        h5py.SoftLink("/metadata/songs"),
        h5py.SoftLink("/analysis/songs"),
        h5py.ExternalLink("other.h5", "/analysis/songs"),
    ],
    ids=["loop", "soft", "external"],
)
def test_links_of_hdf5_are_not_followed(tmp_path: Path, link: object) -> None:
    with _summary(tmp_path / "other.h5"):
        pass
    with _summary(tmp_path / "linked.h5") as file:
        del file["metadata/songs"]
        file["metadata/songs"] = link
    with pytest.raises(RawDataError, match="or a link"):
        read_summary_file(tmp_path / "linked.h5")


def test_a_view_is_no_table_and_a_blob_in_place_of_text_is_text(tmp_path: Path) -> None:
    path, schema = tmp_path / "songs.db", {"name": pl.String}
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
        connection.execute("INSERT INTO songs VALUES (?)", (b"blob\xff",))
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS name FROM n"
        connection.execute(f"CREATE VIEW endless AS {endless}")
        connection.commit()
    assert read_all(path, "SELECT name FROM songs", schema)["name"].to_list() == ["blob\ufffd"]
    with pytest.raises(RawDataError, match="endless is a view"):
        read_all(path, "SELECT name FROM endless", schema)


@pytest.mark.parametrize("name", ["a\nTRX", "a\u2028TRX", "a\x1cTRX"])
def test_a_line_break_in_a_name_puts_nothing_else_on_the_list(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(RawDataError, match="line break"):
        change_never(workspace, name, "remark", artist=True, forget=False)
    change_never(workspace, "TRA", f"remark {name}", artist=False, forget=False)
    assert [entry.identity for entry in never_list(workspace)] == ["TRA"]
