"""The data set is found as it is distributed and unpacked, and so are its companions."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources import raw_folder
from simsong_pipeline.sources.msd_events import find_event_files
from simsong_pipeline.sources.msd_hdf5 import read_track_tree
from simsong_pipeline.sources.msd_layout import msd_folder
from simsong_pipeline.sources.raw_folder import RawFolder
from simsong_pipeline.sources.source import SourceConfig


def _source(root: Path) -> RawFolder:
    return RawFolder(SourceConfig(raw=root), root, Workspace(root / "home"))


@pytest.mark.parametrize("place", ["msd/data", "data", ".", "MillionSongSubset/data", "MillionSongSubset"])
def test_the_tree_is_found_wherever_archives_put_it(features_raw: Path, tmp_path: Path, place: str) -> None:
    shutil.copytree(features_raw / "msd/data", tmp_path / place, dirs_exist_ok=True)
    expected = read_track_tree(features_raw / "msd/data").frame.drop("file").sort("track_id")
    source = _source(tmp_path)
    assert_frame_equal(source.tracks().drop("file", "unreadable").sort("track_id"), expected)
    assert source.event_files()["track_id"].sort().to_list() == expected["track_id"].to_list()
    assert source.has_events_alone


@pytest.mark.parametrize("names", ["msd_summary_file.h5", "track_metadata.db"])
def test_a_large_trees_names_come_from_the_table_beside_it(
    features_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    msd = tmp_path / "msd"
    shutil.copytree(features_raw / "msd/data", msd / "data")
    (msd / "AdditionalFiles").mkdir()
    shutil.copy(features_raw / "msd/AdditionalFiles" / names, msd / "AdditionalFiles")
    one = min((msd / "data").rglob("*.h5"))
    unnamed = one.with_name("TRZZZZZ128F0000000.h5")
    unnamed.write_bytes(b"not HDF5")  # opened, because no table names it
    monkeypatch.setattr(raw_folder, "_MANY", 1)
    tracks = _source(tmp_path).tracks().sort("track_id")
    assert tracks.filter(pl.col("unreadable").is_not_null())["track_id"].to_list() == [unnamed.stem]
    read = read_track_tree(features_raw / "msd/data").frame.sort("track_id")
    same = ["track_id", "artist_name", "title", "year"]
    assert_frame_equal(tracks.drop_nulls("artist_name").select(same), read.select(same))
    assert tracks.filter(track_id=one.stem)["file"].to_list() == [str(one)]


def test_a_table_of_the_whole_data_set_adds_no_track_to_a_part_of_the_tree(
    features_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in sorted((features_raw / "msd/data").rglob("*.h5"))[:5]:
        to = tmp_path / path.relative_to(features_raw)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
    shutil.copytree(features_raw / "msd/AdditionalFiles", tmp_path / "msd/AdditionalFiles")
    monkeypatch.setattr(raw_folder, "_MANY", 1)
    assert _source(tmp_path).tracks().height == 5


def test_similar_songs_in_two_trees_are_those_of_one(features_raw: Path, tmp_path: Path) -> None:
    shutil.copytree(features_raw / "msd", tmp_path / "msd")
    for number, path in enumerate(sorted((features_raw / "lastfm/json").rglob("*.json"))):
        tree = tmp_path / ("lastfm_train" if number % 3 else "lastfm_test")
        to = tree / path.relative_to(features_raw / "lastfm/json")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
    source, whole = _source(tmp_path), _source(features_raw)
    tracks = whole.tracks()
    assert_frame_equal(source.similarity(tracks).to_frame(), whole.similarity(tracks).to_frame())


def test_bags_beside_the_data_set_are_read(features_raw: Path, tmp_path: Path) -> None:
    shutil.copytree(features_raw / "msd", tmp_path / "msd")
    track_id = min((tmp_path / "msd/data").rglob("*.h5")).stem
    (tmp_path / "mxm_dataset_train.txt").write_text(f"%love,night\n{track_id},1,1:2,2:1\n")
    assert _source(tmp_path).lyric_pages()["track_id"].to_list() == [track_id]


def test_without_similar_songs_the_error_says_what_to_add(features_raw: Path, tmp_path: Path) -> None:
    shutil.copytree(features_raw / "msd", tmp_path / "msd")
    source = _source(tmp_path)
    with pytest.raises(RawDataError, match=r"lastfm_similars\.db.*lastfm_train.*--relevance artist"):
        source.listening(source.tracks(), "lastfm")


def test_recordings_beside_features_are_what_is_heard_unless_asked_otherwise(sample_raw: Path) -> None:
    source = _source(sample_raw)
    assert not source.has_events_alone
    assert source.event_files().height == source.tracks().height > source.recordings().height


def test_a_folder_of_something_else_is_none(tmp_path: Path) -> None:
    (tmp_path / "Album").mkdir()
    (tmp_path / "Album/song.h5").touch()
    assert msd_folder(tmp_path) is None
    with pytest.raises(RawDataError, match="no raw data"):
        _source(tmp_path).tracks()


def test_a_damaged_aggregate_names_itself(tmp_path: Path) -> None:
    (tmp_path / "aggregates").mkdir()
    (tmp_path / "aggregates/a.h5").write_bytes(b"cut")
    with pytest.raises(RawDataError, match=r"a\.h5 is not a readable aggregate"):
        find_event_files(tmp_path)
