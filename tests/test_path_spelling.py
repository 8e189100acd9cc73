"""Files that lists of other systems and players name."""

import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest

from simsong_pipeline.sources.music_folders import files_below
from simsong_pipeline.sources.path_spelling import FileFinder
from simsong_pipeline.sources.playlists import read_playlist

NAME = "Ångström/Lp 50%/01 Çà & là #1.flac"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    file = tmp_path / "music" / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    return tmp_path / "music"


def _spellings(file: Path) -> dict[str, str]:
    return {
        "as it is": NAME,
        "blanks around": f"  {NAME} ",
        "dots": f"./x/../{NAME}",
        "decomposed": unicodedata.normalize("NFD", NAME),
        "upper case": NAME.upper(),
        "upper case, decomposed": unicodedata.normalize("NFD", NAME.upper()),
        "backslashes": NAME.replace("/", "\\"),
        "quotes": f'"{NAME}"',
        "percent-encoded": quote(NAME),
        "percent-encoded in cp1252": quote(NAME, encoding="cp1252"),
        "only blanks encoded": NAME.replace(" ", "%20"),
        "drive": "D:\\Music\\" + NAME.replace("/", "\\"),
        "absolute": str(file),
        "address": file.as_uri(),
        "address that is not encoded": f"file://{file}",
        "address of this computer": f"file://localhost{quote(str(file))}",
        "address of a named computer": f"file://nas{quote(str(file))}",
        "address of a drive": f"file:///C:/Music/{quote(NAME)}",
        "address with one slash": f"file:{quote(str(file))}",
    }


@pytest.mark.parametrize("kind", _spellings(Path("/x")))
def test_a_file_is_found_however_it_is_spelled(music: Path, kind: str) -> None:
    (music / "x").mkdir()
    found = FileFinder([music]).find(_spellings(music / NAME)[kind])
    assert found is not None
    assert found.resolve() == music / NAME


def test_files_are_found_whose_names_are_decomposed_on_the_disk(tmp_path: Path) -> None:
    file = tmp_path / unicodedata.normalize("NFD", "Señor.mp3")
    file.write_bytes(b"x")
    assert FileFinder([tmp_path]).find("Señor.mp3") == file


def test_of_two_that_differ_by_case_neither_is_guessed(tmp_path: Path) -> None:
    for name in ("Song.mp3", "SONG.mp3"):
        (tmp_path / name).write_bytes(b"x")
    finder = FileFinder([tmp_path])
    assert finder.find("song.mp3") is None
    assert finder.find("SONG.mp3") == tmp_path / "SONG.mp3"


def test_a_name_with_a_percent_sign_is_taken_as_written_first(tmp_path: Path) -> None:
    for name in ("a%20b.mp3", "a b.mp3"):
        (tmp_path / name).write_bytes(b"x")
    assert FileFinder([tmp_path]).find("a%20b.mp3") == tmp_path / "a%20b.mp3"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_playlists_are_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    names = ["Hé… l’été.mp3", "“x” – y.mp3", "plain.mp3"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    path = tmp_path / "list.m3u"
    path.write_bytes("\r\n".join(["#EXTM3U", *names, ""]).encode(encoding))
    assert read_playlist(path).paths == [tmp_path / name for name in names]


@pytest.mark.parametrize("encoding", ["cp1251", "cp932", "gb18030", "cp1250", "cp949"])
def test_of_the_encodings_that_are_possible_the_files_decide(tmp_path: Path, encoding: str) -> None:
    name = {"cp1251": "Ёж.mp3", "cp932": "歌.mp3", "gb18030": "歌.mp3", "cp1250": "Łódź.mp3", "cp949": "노.mp3"}[
        encoding
    ]
    (tmp_path / name).write_bytes(b"x")
    path = tmp_path / "list.m3u"
    path.write_bytes(f"{name}\n".encode(encoding))
    assert read_playlist(path).paths == [tmp_path / name]


def test_streams_are_no_entries_and_what_is_missing_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("https://radio.example/a.mp3\nmms://x/y\ngone/a%20b.mp3\n", encoding="utf-8")
    assert read_playlist(path).paths == [tmp_path / "gone/a%20b.mp3"]


def test_what_systems_and_programs_leave_is_passed_by(tmp_path: Path) -> None:
    for name in (".hidden/a.mp3", "#recycle/b.mp3", "$RECYCLE.BIN/c.mp3", "x/@eaDir/y/d.mp3", "._e.mp3", "x/f.MP3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert files_below(tmp_path, frozenset({".mp3"})) == [tmp_path / "x/f.MP3"]
