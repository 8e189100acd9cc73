"""Playlists in the forms of several players, told by their content."""

from pathlib import Path
from urllib.parse import quote

import pytest

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.sources.playlists import read_playlist, read_playlists

NAMES = ["Sea/01 One.flac", "Ærø/02 C & D.flac", "Sky/100% #1 <x>.flac"]


def _files(folder: Path) -> list[Path]:
    for name in NAMES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    return [folder / name for name in NAMES]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _xspf(locations: list[str], prefix: str = "") -> str:
    tracks = "".join(
        f"<{prefix}track><{prefix}title>Anna &amp; Bo</{prefix}title><{prefix}location>\n {_escaped(e)} "
        f"</{prefix}location><{prefix}location>elsewhere.flac</{prefix}location></{prefix}track>"
        for e in locations
    )
    space = f'xmlns{":" + prefix[:-1] if prefix else ""}="http://xspf.org/ns/0/"'
    return f'<{prefix}playlist version="1" {space}><{prefix}trackList>{tracks}</{prefix}trackList></{prefix}playlist>'


def _wpl(sources: list[str]) -> str:
    media = "".join(f'<media src="{_escaped(e)}" tid="1"/>' for e in sources)
    return f'<?wpl version="1.0"?>\n<smil><head><title>x</title></head><body><seq>{media}</seq></body></smil>'


def _pls(files: list[str]) -> str:
    lines = [f"File{n}={name}\nTitle{n}=a title\nLength{n}=-1" for n, name in enumerate(files, 1)]
    return "[playlist]\n" + "\n".join(reversed(lines)) + f"\nNumberOfEntries={len(files)}\nVersion=2\n"


def _addresses(folder: Path) -> list[str]:
    return ["file://" + quote(str(folder / name)) for name in NAMES]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    "text",
    [
        _pls(NAMES),
        _pls([name.replace("/", "\\") for name in NAMES]).replace("\n", "\r\n"),
        _pls(NAMES).replace("[playlist]", "[Playlist]").replace("File", "FILE"),
        _xspf(NAMES),
        _xspf([quote(name) for name in NAMES], prefix="x:"),
        _wpl([name.replace("/", "\\") for name in NAMES]),
        _wpl(NAMES).replace("media", "MEDIA").replace("src", "src"),
        "\n".join(NAMES),
    ],
)
def test_entries_in_their_order_in_every_form_and_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    files = _files(tmp_path)
    (tmp_path / "list.m3u").write_bytes(text.encode(encoding))
    assert read_playlist(tmp_path / "list.m3u").paths == files


@pytest.mark.parametrize("declared", ["UTF-8", "windows-1252", "ISO-8859-1", "x-unknown"])
def test_what_xml_says_of_its_encoding_does_not_mislead(tmp_path: Path, declared: str) -> None:
    files = _files(tmp_path)
    for number, encoding in enumerate(("utf-8", "cp1252")):
        path = tmp_path / f"{number}.xspf"
        path.write_bytes(f'<?xml version="1.0" encoding="{declared}"?>\n{_xspf(NAMES)}'.encode(encoding))
        assert read_playlist(path).paths == files


def test_addresses_of_files_are_followed_and_streams_are_left_out(tmp_path: Path) -> None:
    files = _files(tmp_path)
    (tmp_path / "far").mkdir()
    written = ["http://radio.example/live", *_addresses(tmp_path), "https://x.example/a.mp3", ""]
    (tmp_path / "far/a.pls").write_text(_pls(written))
    (tmp_path / "far/b.xspf").write_text(_xspf(written))
    (tmp_path / "far/c.wpl").write_text(_wpl(written))
    assert [(p.name, p.paths) for p in read_playlists(tmp_path / "far", print)] == [(n, files) for n in "abc"]


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:10,Anna - Sea\n", _pls([]), _xspf([]), _wpl([]), ""])
def test_a_list_that_names_no_file_is_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.m3u8").write_text(text)
    assert read_playlist(tmp_path / "a.m3u8").paths == []


@pytest.mark.parametrize(
    "declared", ['<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">', '<!ENTITY a SYSTEM "file:///etc/hostname">']
)
def test_a_list_that_declares_entities_is_refused(tmp_path: Path, declared: str) -> None:
    path = tmp_path / "a.xspf"
    path.write_text(f'<?xml version="1.0"?><!DOCTYPE playlist [{declared}]>{_xspf(["&a;"])}')
    with pytest.raises(RawDataError, match="declares an entity") as caught:
        read_playlist(path)
    assert str(path) in str(caught.value)


def test_a_list_that_was_cut_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "a.xspf"
    path.write_text(_xspf(NAMES)[:-20])
    with pytest.raises(RawDataError, match=r"a\.xspf cannot be read \(not well-formed"):
        read_playlist(path)


def test_an_address_inside_a_list_of_another_kind_is_not_followed(tmp_path: Path) -> None:
    """A document type that names a file is passed over, as is everything that is no entry."""
    path = tmp_path / "a.xspf"
    path.write_text(f'<!DOCTYPE playlist SYSTEM "file:///etc/hostname">{_xspf(["a.mp3"])}')
    assert read_playlist(path).paths == [tmp_path / "a.mp3"]


def test_one_list_that_cannot_be_read_costs_that_list(tmp_path: Path) -> None:
    (tmp_path / "good.m3u").write_text("a.mp3\n")
    (tmp_path / "bad.wpl").write_text("<?wpl version='1.0'?><smil><head><title>A & B</title></head></smil>")
    said: list[str] = []
    assert [found.name for found in read_playlists(tmp_path, said.append)] == ["good"]
    assert [line.partition(" cannot be read")[0] for line in said] == [f"playlist {tmp_path / 'bad.wpl'}"]
    (tmp_path / "good.m3u").unlink()
    with pytest.raises(RawDataError, match=r"bad\.wpl cannot be read"):
        read_playlists(tmp_path, said.append)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("[Playlist] x/a.mp3\nb.mp3\n", ["[Playlist] x/a.mp3", "b.mp3"]),
        ("; winamp\n\n[playlist]\nFile1=a.mp3\n", ["a.mp3"]),
        ("[playlist]\r\nFile1=a.mp3\r\n", ["a.mp3"]),
    ],
)
def test_a_section_stands_on_a_line_of_its_own(tmp_path: Path, written: str, names: list[str]) -> None:
    path = tmp_path / "list.pls"
    path.write_bytes(written.encode())
    assert read_playlist(path).paths == [tmp_path / name for name in names]


def test_the_location_of_a_list_is_no_song(tmp_path: Path) -> None:
    path = tmp_path / "list.xspf"
    path.write_text(_xspf(["a.mp3"]).replace("<trackList>", "<location>list.xspf</location><trackList>", 1))
    assert read_playlist(path).paths == [tmp_path / "a.mp3"]
