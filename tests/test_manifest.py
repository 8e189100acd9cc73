"""Manifests: a catalogue without the Million Song Dataset."""

from pathlib import Path

import pytest

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.sources.manifest import read_manifest


def _write(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_are_taken_over(tmp_path: Path) -> None:
    path = _write(tmp_path, "path,artist,title,genre\na.ogg,Beyoncé,Halo,pop\n")
    row = read_manifest(path).tracks.row(0, named=True)
    assert (row["artist_name"], row["artist_id"], row["title"], row["genre"]) == ("Beyoncé", "beyoncé", "Halo", "pop")


def test_only_a_path_is_needed(tmp_path: Path) -> None:
    row = read_manifest(_write(tmp_path, "path\nfolder/a song.ogg\n")).tracks.row(0, named=True)
    assert (row["artist_name"], row["title"]) == ("Unknown artist of a song", "a song")


@pytest.mark.parametrize(
    ("written", "year"), [("1990.0", 1990), ("20030501", 2003), ("2003-05-01", 2003), ("0000", 0), ("", 0), ("98", 0)]
)
def test_years_in_any_form(tmp_path: Path, written: str, year: int) -> None:
    assert read_manifest(_write(tmp_path, f"path,year\na.ogg,{written}\n")).tracks["year"].to_list() == [year]


def test_artists_are_told_apart_as_in_tags(tmp_path: Path) -> None:
    names = ["Beyoncé", "BEYONCE\u0301 ", "Beyoncé feat. Bo", "Various Artists", "Various Artists", ""]
    rows = "".join(f"{n}/song.ogg,{name}\n" for n, name in enumerate(names))
    ids = read_manifest(_write(tmp_path, f"path,artist\n{rows}")).tracks["artist_id"].to_list()
    assert ids[:3] == ["beyoncé"] * 3
    assert len({*ids[3:]}) == 3


def test_genres_are_taken_apart(tmp_path: Path) -> None:
    rows = "path,genre\na.ogg,(17)\nb.ogg,Rock / pop\nc.ogg,\n"
    assert read_manifest(_write(tmp_path, rows)).tracks["genre"].to_list() == ["Rock", "Rock; pop", None]


def test_paths_count_from_the_manifest_or_the_folder_above(tmp_path: Path) -> None:
    inner = tmp_path / "music"
    inner.mkdir()
    (inner / "a.ogg").write_bytes(b"a")
    for written in ("a.ogg", "music/a.ogg"):
        files = read_manifest(_write(inner, f"path\n{written}\n")).audio_files
        assert files["size_bytes"].to_list() == [1]


def test_track_id_survives_a_move_of_the_folder(tmp_path: Path) -> None:
    ids = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        ids.append(read_manifest(_write(tmp_path / name, "path\na.ogg\n")).tracks["track_id"][0])
    assert ids[0] == ids[1]


def test_missing_recording_is_marked(tmp_path: Path) -> None:
    assert read_manifest(_write(tmp_path, "path\nnone.ogg\n")).audio_files["size_bytes"].to_list() == [-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\na.ogg\n", "no column 'path'"),
        ("path\n", "lists no recording"),
        ("path,title\na.ogg,x\na.ogg,y\n", "more than once"),
        ("", "not a readable CSV"),
    ],
)
def test_unusable_manifests_say_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RawDataError, match=message):
        read_manifest(_write(tmp_path, text))


def test_genuine_manifest_finds_all_recordings(shared: Path) -> None:
    manifest = read_manifest(shared / "open_music/manifest.csv")
    assert manifest.tracks.height == 36
    assert (manifest.audio_files["size_bytes"] > 0).all()
