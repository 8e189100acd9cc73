"""Readers of the Last.fm data set on the sample and on genuine files."""

import sqlite3
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.sources.lastfm_json import parse_records, rank, read_json_tree
from simsong_pipeline.sources.lastfm_sqlite import read_similars, read_tags


def test_json_and_sqlite_hold_the_same_similarity(sample_raw: Path) -> None:
    tree = read_json_tree(sample_raw / "lastfm/json").similarity
    assert_frame_equal(tree, read_similars(sample_raw / "lastfm/lastfm_similars.db"))


def test_json_and_sqlite_hold_the_same_tags(sample_raw: Path) -> None:
    tree = read_json_tree(sample_raw / "lastfm/json").tags
    database = read_tags(sample_raw / "lastfm/lastfm_tags.db")
    assert_frame_equal(tree.sort("track_id", "tag"), database.sort("track_id", "tag"))


def test_genuine_json_and_sqlite_hold_the_same_similarity(shared: Path) -> None:
    tree = read_json_tree(shared / "lastfm_json").similarity
    database = read_similars(shared / "reference_dbs/lastfm_similars.db")
    pairs = ["track_id", "neighbour_id"]
    assert_frame_equal(tree.sort(pairs).drop("rank"), database.sort(pairs).drop("rank"), rel_tol=1e-4)


def test_genuine_tags_have_their_weights(shared: Path) -> None:
    tags = read_tags(shared / "reference_dbs/lastfm_tags.db")
    assert tags.row(by_predicate=pl.col("tag") == "soul") == ("TRAAABD128F429CF47", "soul", 52.0)


def test_genuine_track_without_similars_has_no_row(shared: Path) -> None:
    frames = read_json_tree(shared / "lastfm_json/complete")
    assert frames.similarity["track_id"].unique().to_list() == ["TRAAADZ128F9348C2E"]
    assert frames.similarity.height == 64


def test_unsorted_target_is_ranked_by_score(tmp_path: Path) -> None:
    path = tmp_path / "similars.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE similars_src (tid TEXT, target TEXT)")
        connection.execute("INSERT INTO similars_src VALUES ('a', 'x,0.2,y,1,z,0.5')")
    connection.close()
    frame = read_similars(path).sort("rank")
    assert frame.select("neighbour_id", "score").rows() == [("y", 1.0), ("z", 0.5), ("x", 0.2)]


def test_pairs_outside_the_catalogue_are_dropped(sample_raw: Path) -> None:
    path = sample_raw / "lastfm/lastfm_similars.db"
    everything = read_similars(path)
    keep = everything["track_id"].unique().sort().head(20)
    expected = everything.filter(pl.col("track_id").is_in(keep.implode()), pl.col("neighbour_id").is_in(keep.implode()))
    pairs = ["track_id", "neighbour_id"]
    kept = read_similars(path, keep)
    assert_frame_equal(kept.sort(pairs).drop("rank"), expected.sort(pairs).drop("rank"))


@pytest.mark.parametrize("score", [0.0, -0.1, 1.1])
def test_scores_outside_their_range_are_dropped(score: float) -> None:
    pairs = pl.DataFrame({"track_id": ["a", "a"], "neighbour_id": ["b", "c"], "score": [score, 0.5]})
    assert rank(pairs)["neighbour_id"].to_list() == ["c"]


def test_one_bad_record_is_listed(sample_raw: Path, tmp_path: Path) -> None:
    good = next(iter(sorted((sample_raw / "lastfm/json").rglob("*.json"))))
    (tmp_path / good.name).write_bytes(good.read_bytes())
    (tmp_path / "TRBAD.json").write_text("<html>")
    frames = read_json_tree(tmp_path)
    assert frames.similarity["track_id"].unique().to_list() == [good.stem]
    assert [u.path.name for u in frames.unreadable] == ["TRBAD.json"]


@pytest.mark.parametrize("text", ['{"track_id": "a"}', "<html>", "[1, 2]"])
def test_record_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(RawDataError, match=r"not a Last\.fm record"):
        parse_records(pl.Series([text]))
