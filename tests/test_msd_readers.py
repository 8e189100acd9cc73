"""Readers of the Million Song Dataset on the sample and on genuine files."""

import io
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from simsong_pipeline.config import CatalogueConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.raw_source import source_of_tracks
from simsong_pipeline.sources import msd_text
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.sources.msd_hdf5 import read_summary_file, read_track_tree
from simsong_pipeline.sources.msd_sqlite import read_track_metadata
from simsong_pipeline.sources.raw_tracks import RAW_TRACKS, UnreadableFile
from simsong_pipeline.stages.catalogue_stages import left_out

COMMON = ["track_id", "song_id", "artist_id", "artist_name", "title", "release", "year", "duration_s"]


def _same(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(COMMON).sort("track_id")


def test_tree_summary_and_database_hold_the_same_tracks(sample_raw: Path) -> None:
    tree = _same(read_track_tree(sample_raw / "msd/data").frame)
    extra = sample_raw / "msd/AdditionalFiles"
    assert_frame_equal(tree, _same(read_summary_file(extra / "msd_summary_file.h5")))
    assert_frame_equal(tree, _same(read_track_metadata(extra / "track_metadata.db")))


def test_genuine_files_and_database_hold_the_same_tracks(shared: Path) -> None:
    tree = _same(read_track_tree(shared / "msd/h5").frame)
    assert_frame_equal(tree, _same(read_track_metadata(shared / "reference_dbs/track_metadata.db")))


def test_genuine_track_has_its_known_values(shared: Path) -> None:
    frame = read_track_tree(shared / "msd/h5").frame
    row = frame.row(by_predicate=pl.col("track_id") == "TRAAABD128F429CF47", named=True)
    assert (row["artist_name"], row["title"], row["year"]) == ("The Box Tops", "Soul Deep", 1969)
    assert row["duration_s"] == pytest.approx(148.03546)


def test_genuine_mismatches_are_all_parsed(shared: Path) -> None:
    with (shared / "msd/aux/sid_mismatches.txt").open(encoding="utf-8") as handle:
        frame = msd_text.parse_mismatches(handle)
    assert frame.height == 19_094
    assert frame["track_id"].str.contains(r"^TR\w{16}$").all()


def test_genuine_artist_locations_are_all_parsed(shared: Path) -> None:
    with (shared / "msd/aux/artist_location.txt").open(encoding="utf-8") as handle:
        frame = msd_text.parse_artist_locations(handle)
    assert frame["latitude"].is_between(-90, 90).all()


def test_one_corrupt_file_is_listed_and_the_others_are_kept(sample_raw: Path, tmp_path: Path) -> None:
    good = next(iter(sorted((sample_raw / "msd/data").rglob("*.h5"))))
    (tmp_path / good.name).write_bytes(good.read_bytes())
    (tmp_path / "TRBROKEN.h5").write_bytes(b"not HDF5")
    raw = read_track_tree(tmp_path)
    assert raw.frame["track_id"].to_list() == [good.stem]
    assert "TRBROKEN.h5 is not a readable" in raw.unreadable[0].reason


@pytest.mark.parametrize("content", [b"", b"not HDF5"])
def test_corrupt_summary_file_names_itself(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "summary.h5"
    path.write_bytes(content)
    with pytest.raises(RawDataError, match=r"summary\.h5 is not a readable"):
        read_summary_file(path)


def test_folder_without_tracks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match=r"no \.h5 file"):
        read_track_tree(tmp_path)


def test_database_that_is_none_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "track_metadata.db"
    path.write_bytes(b"x" * 4096)
    with pytest.raises(RawDataError, match=r"track_metadata\.db cannot be read"):
        read_track_metadata(path)


def test_unique_tracks_keep_a_separator_inside_the_title() -> None:
    frame = msd_text.parse_unique_tracks(io.StringIO("TR1<SEP>SO1<SEP>Name<SEP>Ti<SEP>tle\n"))
    assert frame.rows() == [("TR1", "SO1", "Name", "Ti<SEP>tle")]


def test_short_line_is_named() -> None:
    with pytest.raises(RawDataError, match="line 2: 2 fields in place of 4"):
        msd_text.parse_unique_tracks(io.StringIO("a<SEP>b<SEP>c<SEP>d\na<SEP>b\n"))


def test_duplicate_cliques_are_numbered() -> None:
    handle = io.StringIO("# comment\n%1 A - B\nTR1\nTR2\n%7 C - D\nTR3\n")
    assert msd_text.parse_duplicates(handle).rows() == [(0, "TR1"), (0, "TR2"), (1, "TR3")]


def test_mismatch_of_another_form_is_named() -> None:
    with pytest.raises(RawDataError, match="line 1: not a mismatch record"):
        msd_text.parse_mismatches(io.StringIO("WARNING: something\n"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_files_are_read_with_any_mark(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "raw/msd"
    folder.mkdir(parents=True)
    record = "ERROR: <SO1 TR1> Ä  -  b  !=  c  -  d\r\n"
    (folder / "sid_mismatches.txt").write_bytes(record.encode(encoding))
    (folder / "msd_duplicates.txt").write_bytes("# comment\r\n%1 Ä - B\r\nTR2\r\nTR3\r\n".encode(encoding))
    source = source_of_tracks(Workspace(tmp_path / "home"), tmp_path / "raw")
    lost: list[UnreadableFile] = []
    assert source.mismatches(lost).rows() == [("TR1", "SO1", "Ä  -  b  !=  c  -  d")]
    assert source.duplicates(lost)["track_id"].to_list() == ["TR2", "TR3"]
    assert lost == []


def test_a_malformed_line_costs_that_line_and_is_an_exclusion_that_costs_no_track(tmp_path: Path) -> None:
    folder = tmp_path / "raw/msd"
    folder.mkdir(parents=True)
    (folder / "sid_mismatches.txt").write_bytes(b"ERROR: <SO1 TR1> a\n<html>\n\nERROR: <SO2 TR2> caf\xe9\nERROR\n")
    (folder / "msd_duplicates.txt").write_text("TR8\n%1\nTR3\n<p>\nTR4<SEP>x\n")
    names = {"artist_id": "x", "artist_name": "x", "title": "x", "song_id": None, "release": None, "genre": None}
    rows = [
        {"track_id": t, **names, "year": 0, "duration_s": 1.0, "file": None, "unreadable": None} for t in ("TR3", "TR4")
    ]
    raw = pl.DataFrame(rows, schema={**RAW_TRACKS, "file": pl.String, "unreadable": pl.String})
    source = source_of_tracks(Workspace(tmp_path / "h"), tmp_path / "raw")
    catalogue = catalogued(source, raw, CatalogueConfig())
    reasons = dict(catalogue.exclusions.select("track_id", "reason").rows())
    assert reasons["TR4"] == "duplicate of TR3"
    assert reasons["sid_mismatches.txt"].startswith("2 lines, the first: line 2: not a mismatch record: '<html>'")
    assert reasons["msd_duplicates.txt"].startswith("2 lines, the first: line 1: a track id before")
    assert left_out(catalogue.exclusions) == ["TR4"]


_SONGS = "CREATE TABLE songs (track_id, song_id, artist_id, artist_name, title, release, year, duration)"


@pytest.mark.parametrize(
    ("year", "duration", "expected"),
    [
        ("''", "''", (None, None)),
        ("'1999'", "'61.5'", (1999, 61.5)),
        ("1999", "'long'", (1999, None)),
        ("10000000000", "-1", (None, float("nan"))),
        ("x'00'", "NULL", (None, None)),
    ],
)
def test_a_column_that_holds_anything_gives_numbers_or_null(
    tmp_path: Path, year: str, duration: str, expected: tuple[int | None, float | None]
) -> None:
    path = tmp_path / "track_metadata.db"
    with sqlite3.connect(path) as connection:
        connection.execute(_SONGS)
        connection.execute("INSERT INTO songs VALUES ('TR1', 'SO1', 'AR1', 'A', 'T', 'R', 2001, 5.5)")
        connection.execute(
            "INSERT INTO songs VALUES ('TR2', 'SO2', 'AR2', CAST(x'4265796F6E63E9' AS TEXT), x'54', 7, "
            f"{year}, {duration})"
        )
    connection.close()
    first, second = read_track_metadata(path).select("year", "duration_s", "artist_name", "title").rows()
    assert first == (2001, 5.5, "A", "T")
    assert second[:2] == pytest.approx(expected, nan_ok=True)
    assert second[2:] == ("Beyonc\ufffd", "T")


def test_files_of_the_system_beside_tracks_are_passed_by(sample_raw: Path, tmp_path: Path) -> None:
    good = next(iter(sorted((sample_raw / "msd/data").rglob("*.h5"))))
    (tmp_path / good.name).write_bytes(good.read_bytes())
    (tmp_path / f"._{good.name}").write_bytes(b"\0\5\x16\7")
    raw = read_track_tree(tmp_path)
    assert (raw.frame.height, raw.unreadable) == (1, ())
