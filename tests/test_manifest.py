"""Manifests: a catalogue without the Million Song Dataset."""

from pathlib import Path

import mutagen.flac
import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import run_of

from simsong_pipeline.config import CatalogueConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics.frame import build_lyrics
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.sources.library import scan
from simsong_pipeline.sources.library.file_states import FileState
from simsong_pipeline.sources.manifest import read_manifest
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stages.raw import read_lyric_pages, read_tracks


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


def _song(path: Path, content: bytes = b"a") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


ROWS = [
    ("Sängerin/Für dich.mp3", "Sängerin", "Für dich"),
    ("b, c.mp3", "José, B’s", 'a "b"\nc'),
    ("d.mp3", "", "x|y;z"),
]


def _table(rows: list[tuple[str, str, str]], separator: str) -> str:
    cells = [["path", "artist", "title"], *rows]
    return "".join(separator.join('"' + c.replace('"', '""') + '"' for c in row) + "\r\n" for row in cells)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_separator_and_encoding_gives_the_same_rows(tmp_path: Path, separator: str, encoding: str) -> None:
    for name, *_ in ROWS:
        _song(tmp_path / name)
    path = tmp_path / "songs.csv"
    path.write_bytes(_table(ROWS, separator).encode(encoding))
    manifest = read_manifest(path)
    assert manifest.tracks["title"].to_list() == ["Für dich", 'a "b"\nc', "x|y;z"]
    assert manifest.tracks["artist_name"].to_list() == ["Sängerin", "José, B’s", "Unknown artist of d"]
    assert (manifest.audio_files["size_bytes"] == 1).all()
    assert manifest.unreadable == ()


@pytest.mark.parametrize(
    "header", ["path;Artist", " Path ; artist", "\n\nPATH;ARTIST", "sep=;\npath;artist", '"path";"artist"']
)
def test_headers_as_people_write_them(tmp_path: Path, header: str) -> None:
    _song(tmp_path / "a,b.mp3")
    manifest = read_manifest(_write(tmp_path, f"{header}\n a,b.mp3 ; Anna \n;\n\n"))
    assert (manifest.tracks["artist_name"][0], manifest.audio_files["size_bytes"][0]) == ("Anna", 1)
    assert manifest.unreadable == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("b.mp3", "1 fields in place of 2"),
        ("b.mp3,x,y", "3 fields in place of 2"),
        (",Anna", "no path"),
        ('b.mp3,"x', "a quote that is not closed"),
        ('"b\nc.mp3",x', "its path holds a line break"),
        (f'b.mp3,"{"x" * 200_000}"', "a field without end"),
    ],
)
@pytest.mark.parametrize("is_last", [False, True])
def test_a_bad_row_costs_that_row_and_is_counted(tmp_path: Path, line: str, reason: str, is_last: bool) -> None:
    rows = ["a.mp3,A", *(["z.mp3,Z", line] if is_last else [line, "z.mp3,Z"])]
    manifest = read_manifest(_write(tmp_path, "\n".join(["path,artist", *rows, ""])))
    assert manifest.tracks["title"].to_list() == ["a", "z"]
    assert reason in manifest.unreadable[0].reason
    assert f"manifest.csv, line {4 if is_last else 3}: " in manifest.unreadable[0].reason


def test_cells_that_are_too_many_but_blank_are_no_fault(tmp_path: Path) -> None:
    assert read_manifest(_write(tmp_path, "path,title\na.mp3,A,,\n")).tracks["title"].to_list() == ["A"]


@pytest.mark.parametrize("again", ["./a.mp3", "A.mp3", "link.mp3", "sub\\..\\a.mp3", "b/../a.mp3"])
def test_two_spellings_of_one_file_are_refused_with_both_lines(tmp_path: Path, again: str) -> None:
    _song(tmp_path / "a.mp3")
    (tmp_path / "b").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.mp3").symlink_to(tmp_path / "a.mp3")
    with pytest.raises(RawDataError, match=r"more than once: in line 2, and as .* in line 4"):
        read_manifest(_write(tmp_path, f"path\na.mp3\nother.mp3\n{again}\n"))


def test_a_workbook_is_told_from_a_csv(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_bytes(b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(64))
    with pytest.raises(RawDataError, match="saved as CSV"):
        read_manifest(tmp_path / "songs.csv")


def _lyrics(home: Path, manifest: Path) -> dict[str, tuple[str | None, str, str]]:
    pages = read_lyric_pages(run_of(Workspace(home), SourceConfig(manifest=manifest)))
    titles = dict(read_manifest(manifest).tracks.select("track_id", "title").rows())
    return {titles[t]: (text, provider, status) for t, text, provider, status in pages.rows()}


def _tagged(path: Path, lyrics: str) -> None:
    soundfile.write(path, np.zeros(8_000, np.float32), 8_000)
    file = mutagen.flac.FLAC(path)
    file["lyrics"] = lyrics
    file.save()


def test_lyrics_of_a_manifest_are_its_own_the_files_it_names_those_beside_and_the_tags(tmp_path: Path) -> None:
    for name in ("own", "named", "beside", "tags", "none"):
        _tagged(tmp_path / f"{name}.flac", "from the tags" if name != "none" else "")
    (tmp_path / "words").mkdir()
    (tmp_path / "words/named.txt").write_bytes("du hörst’s\n".encode("cp1252"))
    (tmp_path / "beside.LRC").write_text("[00:01.00]from beside")
    rows = (
        'own.flac,"[00:01.00]from the\nrow",\nnamed.flac,,words\\named.txt\nbeside.flac,,\ntags.flac,,\nnone.flac,,\n'
    )
    found = _lyrics(tmp_path / "home", _write(tmp_path, f"path,lyrics,lyrics_path\n{rows}"))
    assert found == {
        "own": ("from the\nrow", "manifest", "OK"),
        "named": ("du hörst’s", "manifest", "OK"),
        "beside": ("from beside", "side-car file", "OK"),
        "tags": ("from the tags", "tags", "OK"),
    }


def test_lyrics_of_a_manifest_that_changed_are_noticed_and_the_others_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        _tagged(tmp_path / f"{name}.flac", f"tags of {name}")
    (tmp_path / "c.txt").write_text("first words of c")
    manifest = _write(tmp_path, "path,lyrics_path\na.flac,\nb.flac,\nc.flac,c.txt\n")
    _lyrics(tmp_path / "home", manifest)
    (tmp_path / "b.lrc").write_text("new words of b")
    (tmp_path / "c.txt").write_text("new words of c")
    opened = []
    opening = scan.rows_on_all_cores

    def watched(states: list[FileState], **given: object) -> object:
        opened.extend(Path(state[0]).name for state in states)
        return opening(states, **given)

    monkeypatch.setattr(scan, "rows_on_all_cores", watched)
    texts = {name: page[0] for name, page in _lyrics(tmp_path / "home", manifest).items()}
    assert texts == {"a": "tags of a", "b": "new words of b", "c": "new words of c"}
    assert opened == ["b.flac"]


def test_lyrics_that_cannot_be_had_say_why_unless_others_are_there(tmp_path: Path) -> None:
    _tagged(tmp_path / "a.flac", "from the tags")
    _tagged(tmp_path / "b.flac", "")
    _tagged(tmp_path / "c.flac", "")
    (tmp_path / "c.lrc").write_bytes(bytes(range(256)))
    found = _lyrics(tmp_path / "home", _write(tmp_path, "path,lyrics_path\na.flac,no.txt\nb.flac,no.txt\nc.flac,\n"))
    assert found["a"] == ("from the tags", "tags", "OK")
    assert "no.txt is missing" in found["b"][2]
    assert "c.lrc are left out" in found["c"][2]
    reasons = build_lyrics(read_manifest(tmp_path / "manifest.csv").tracks, [_frame(found, tmp_path)])["reason"]
    assert any("no.txt is missing" in (reason or "") for reason in reasons)


def _frame(found: dict[str, tuple[str | None, str, str]], folder: Path) -> pl.DataFrame:
    ids = dict(read_manifest(folder / "manifest.csv").tracks.select("title", "track_id").rows())
    schema = dict.fromkeys(("track_id", "text", "provider", "status"), pl.String)
    return pl.DataFrame([(ids[name], *page) for name, page in found.items()], schema=schema, orient="row")


def test_bad_rows_are_exclusions_of_their_own(tmp_path: Path) -> None:
    path = _write(tmp_path, "path,title\na.mp3,A\nb.mp3\nc.mp3,C,D\n")
    run = run_of(Workspace(tmp_path / "home"), SourceConfig(manifest=path))
    exclusions = catalogued(run.source, read_tracks(run), CatalogueConfig()).exclusions
    assert exclusions["track_id"].to_list() == ["manifest.csv:3", "manifest.csv:4"]
    assert exclusions["file"].to_list() == [str(path)] * 2
