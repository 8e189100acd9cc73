"""Readers of the Last.fm data set on the sample and on genuine files."""

import sqlite3
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.raw_source import source_of_tracks
from simsong_pipeline.similarity import from_frame
from simsong_pipeline.sources.lastfm_json import parse_records, read_json_tree
from simsong_pipeline.sources.lastfm_sqlite import read_similars
from simsong_pipeline.sources.lastfm_tags import read_tags
from simsong_pipeline.sources.raw_tracks import UnreadableFile
from simsong_pipeline.stages.catalogue_stages import left_out


def test_json_and_sqlite_hold_the_same_similarity(sample_raw: Path) -> None:
    tree = read_json_tree(sample_raw / "lastfm/json").similarity.to_frame()
    assert_frame_equal(tree, read_similars(sample_raw / "lastfm/lastfm_similars.db").to_frame())


def test_json_and_sqlite_hold_the_same_tags(sample_raw: Path) -> None:
    tree = read_json_tree(sample_raw / "lastfm/json").tags
    database = read_tags(sample_raw / "lastfm/lastfm_tags.db")
    assert_frame_equal(tree.sort("track_id", "tag"), database.sort("track_id", "tag"))


def test_genuine_json_and_sqlite_hold_the_same_similarity(shared: Path) -> None:
    tree = read_json_tree(shared / "lastfm_json").similarity.to_frame()
    database = read_similars(shared / "reference_dbs/lastfm_similars.db").to_frame()
    pairs = ["track_id", "neighbour_id"]
    assert_frame_equal(tree.sort(pairs).drop("rank"), database.sort(pairs).drop("rank"), rel_tol=1e-4)


def test_genuine_tags_have_their_weights(shared: Path) -> None:
    tags = read_tags(shared / "reference_dbs/lastfm_tags.db")
    assert tags.row(by_predicate=pl.col("tag") == "soul") == ("TRAAABD128F429CF47", "soul", 52.0)


def test_genuine_track_without_similars_has_no_row(shared: Path) -> None:
    frames = read_json_tree(shared / "lastfm_json/complete")
    pairs = frames.similarity.to_frame()
    assert pairs["track_id"].unique().to_list() == ["TRAAADZ128F9348C2E"]
    assert pairs.height == 64


def test_unsorted_target_is_ranked_by_score(tmp_path: Path) -> None:
    path = tmp_path / "similars.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE similars_src (tid TEXT, target TEXT)")
        connection.execute("INSERT INTO similars_src VALUES ('a', 'x,0.2,y,1,z,0.5')")
    connection.close()
    frame = read_similars(path).to_frame().sort("rank")
    assert frame.select("neighbour_id", "score").rows() == [("y", 1.0), ("z", 0.5), ("x", 0.2)]


def test_pairs_outside_the_catalogue_are_dropped(sample_raw: Path) -> None:
    path = sample_raw / "lastfm/lastfm_similars.db"
    everything = read_similars(path).to_frame()
    keep = everything["track_id"].unique().sort().head(20)
    expected = everything.filter(pl.col("track_id").is_in(keep.implode()), pl.col("neighbour_id").is_in(keep.implode()))
    pairs = ["track_id", "neighbour_id"]
    kept = read_similars(path, keep).to_frame()
    assert_frame_equal(kept.sort(pairs).drop("rank"), expected.sort(pairs).drop("rank"))


@pytest.mark.parametrize("score", [0.0, -0.1, 1.1])
def test_scores_outside_their_range_are_dropped(score: float) -> None:
    pairs = pl.DataFrame({"track_id": ["a", "a"], "neighbour_id": ["b", "c"], "score": [score, 0.5]})
    assert from_frame(pairs).to_frame()["neighbour_id"].to_list() == ["c"]


def test_one_bad_record_is_listed(sample_raw: Path, tmp_path: Path) -> None:
    good = next(iter(sorted((sample_raw / "lastfm/json").rglob("*.json"))))
    (tmp_path / good.name).write_bytes(good.read_bytes())
    (tmp_path / "TRBAD.json").write_text("<html>")
    frames = read_json_tree(tmp_path)
    assert frames.similarity.to_frame()["track_id"].unique().to_list() == [good.stem]
    assert [u.path.name for u in frames.unreadable] == ["TRBAD.json"]


@pytest.mark.parametrize("text", ['{"track_id": "a"}', "<html>", "[1, 2]"])
def test_record_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(RawDataError, match=r"not a Last\.fm record"):
        parse_records(pl.Series([text]))


def _database(path: Path, *statements: str) -> Path:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path


_SIMILARS = "CREATE TABLE similars_src (tid TEXT, target TEXT)"


@pytest.mark.parametrize(
    ("target", "lost"),
    [
        ("x,0.2,y,1,", 0),
        (",x,0.2,,y,1", 0),
        (" x , 0.2 , y , 1 ", 0),
        ("x,0.2,y,1,z", 1),
        ("z,x,0.2,y,1", 1),
        ("x,0.2,z,,y,1", 1),
        ("x,0.2,z,much,y,1", 2),
        ("x,0.2,y,1e0", 0),
    ],
)
def test_what_is_no_pair_costs_itself_and_is_counted(tmp_path: Path, target: str, lost: int) -> None:
    rows = f"INSERT INTO similars_src VALUES ('a', '{target}'), ('b', 'x,0.5'), ('c', ''), ('d', NULL), (NULL, 'x,1')"
    path, told = _database(tmp_path / "similars.db", _SIMILARS, rows), []
    frame = read_similars(path, lost=told).to_frame()
    assert frame.select("track_id", "neighbour_id", "score").rows() == [
        ("a", "y", 1.0),
        ("a", "x", 0.2),
        ("b", "x", 0.5),
    ]
    assert [(u.track_id, u.reason[:18]) for u in told] == [("similars.db", f"{lost} parts of 1 lists")] * bool(lost)


_TAGS = ("CREATE TABLE tids (tid TEXT)", "CREATE TABLE tags (tag TEXT)", "CREATE TABLE tid_tag (tid INT, tag INT, val)")


@pytest.mark.parametrize("bad", ["''", "NULL", "'many'"])
def test_a_tag_without_a_number_costs_itself_and_is_counted(tmp_path: Path, bad: str) -> None:
    rows = (
        "INSERT INTO tids VALUES ('a')",
        "INSERT INTO tags VALUES ('sea'), (CAST(x'636166E9' AS TEXT))",
        f"INSERT INTO tid_tag VALUES (1, 1, {bad}), (1, 2, '50')",
    )
    path, told = _database(tmp_path / "tags.db", *_TAGS, *rows), []
    assert read_tags(path, lost=told).rows() == [("a", "caf\ufffd", 50.0)]
    assert told[0].reason.startswith("1 rows lack")


def test_marks_and_files_of_the_system_and_bad_entries_stop_no_tree(tmp_path: Path) -> None:
    record = '{"track_id": "a", "similars": [["b", 0.5], ["c"], [], ["d", "x"]], "tags": [["sea", "100"]]}'
    (tmp_path / "a.json").write_text(record, encoding="utf-8-sig")
    (tmp_path / "empty.json").write_bytes(b"")
    for name in ("._a.json", ".DS_Store", "Thumbs.db", "__MACOSX/a.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    frames = read_json_tree(tmp_path)
    assert frames.similarity.to_frame()["neighbour_id"].to_list() == ["b"]
    assert [u.track_id for u in frames.unreadable] == ["empty", tmp_path.name]
    assert frames.unreadable[1].reason.startswith("3 similar songs or tags")


def test_what_was_lost_in_a_file_is_an_exclusion_that_costs_no_track(tmp_path: Path) -> None:
    (tmp_path / "msd").mkdir()
    (tmp_path / "lastfm").mkdir()
    _database(tmp_path / "lastfm/lastfm_similars.db", _SIMILARS, "INSERT INTO similars_src VALUES ('a', 'b,1,c')")
    tracks = pl.DataFrame({"track_id": ["a", "b"]})
    frames = source_of_tracks(Workspace(tmp_path / "home"), tmp_path).listening(tracks, "lastfm")
    assert frames.exclusions["track_id"].to_list() == ["lastfm_similars.db"]
    assert left_out(frames.exclusions) == []


@pytest.mark.parametrize("seed", range(3))
def test_tags_are_those_of_a_join_row_by_row(tmp_path: Path, seed: int) -> None:
    """Row ids with gaps, names twice and null, rows twice, of nobody and without a number, equal weights."""
    rng = np.random.default_rng(seed)
    tids = {int(n): None if n % 11 == 0 else f"TR{n % 40:016d}" for n in rng.permutation(90)[:60] + 1}
    tags = {int(n): None if n % 13 == 0 else f"tag {n % 15}" for n in rng.permutation(40)[:30] + 1}
    weights = [*range(0, 100, 20), "35", "many", None, ""]
    rows = [(int(a), int(b), weights[w]) for a, b, w in rng.integers((1, 1, 0), (95, 45, len(weights)), (900, 3))]
    path = tmp_path / "tags.db"
    with sqlite3.connect(path) as connection:
        for statement in _TAGS:
            connection.execute(statement)
        connection.executemany("INSERT INTO tids (rowid, tid) VALUES (?, ?)", tids.items())
        connection.executemany("INSERT INTO tags (rowid, tag) VALUES (?, ?)", tags.items())
        connection.executemany("INSERT INTO tid_tag VALUES (?, ?, ?)", rows)
    connection.close()
    expected, lacking = {}, 0
    for tid, tag, weight in rows:
        if tid in tids and tag in tags:
            known = tids[tid] is not None and tags[tag] is not None and weight not in ("many", None, "")
            lacking += not known
            if known:
                expected.setdefault((tids[tid], tags[tag]), float(weight))
    ordered = sorted(((t, g, w) for (t, g), w in expected.items()), key=lambda row: (row[0], -row[2], row[1]))
    told: list[UnreadableFile] = []
    assert read_tags(path, lost=told).rows() == ordered
    assert told[0].reason.startswith(f"{lacking} rows lack")
    some = sorted({t for t, _, _ in ordered})[::3]
    assert read_tags(path, pl.Series(some)).rows() == [row for row in ordered if row[0] in some]
