"""Synchronised lyrics: what is sung is kept, everything else leaves."""

from pathlib import Path

import pytest

from simsong_pipeline.sources.library.lrc import without_times
from simsong_pipeline.sources.library.lyric_files import LyricsError, find_lyric_file, read_lyric_file


@pytest.mark.parametrize(
    "stamp",
    ["[01:02]", "[01:02.3]", "[1:02.345]", "[01:02:34]", "[00:01:02.34]", "[ 00:12.00 ]", "[-00:01.00]", "[62:00,5]"],
)
def test_time_stamps_of_every_form_leave(stamp: str) -> None:
    assert without_times(f"{stamp}{stamp}one line\n{stamp}\n{stamp}another") == "one line\n\nanother"


def test_word_stamps_leave() -> None:
    assert without_times("[00:01.00]<00:01.00>one <00:01.50>two<00:02.00>") == "one two"
    assert without_times("[1200,900](1200,400,0)one (1600,500,0)two") == "one two"
    assert without_times("[1200,900]<0,400,0>one <400,500,0>two") == "one two"


@pytest.mark.parametrize("key", ["lang", "total", "kana", "hash", "encoding", "offset", "x-made-up", "曲名", "#"])
def test_headers_of_any_name_leave_synchronised_lyrics(key: str) -> None:
    assert without_times(f"[{key}: some: value]\n[{key}:]\n[00:01.00]sung") == "sung"


def test_headers_that_are_known_leave_plain_lyrics_and_sections_stay() -> None:
    assert without_times("[by:someone]\n[offset:+500]\n[Chorus: Both]\nsung") == "[Chorus: Both]\nsung"


@pytest.mark.parametrize(
    "credit",
    [
        '{"t":0,"c":[{"tx":"制作人: "},{"tx":"某某"}]}',
        "作词: 某某",
        "[00:00.00]作曲 : 某某",
        "[00:00.00]编曲：某某",
        "作詞/作曲：某某",
        "Lyrics by: A. Writer",
        "Composed by：A. Writer",
        "Lyrics by A. Writer",
        "Music and lyrics by: A. Writer",
    ],
)
def test_credits_leave(credit: str) -> None:
    assert without_times(f"{credit}\n[00:01.00]what is sung\n[00:02.00]and more") == "what is sung\nand more"


@pytest.mark.parametrize(
    "line", ["These words by you", "Written by the sea I wait", '{"not": a credit}', "a song: sung"]
)
def test_lines_that_look_like_credits_stay(line: str) -> None:
    assert without_times(f"[00:01.00]{line}\n[00:02.00]more") == f"{line}\nmore"


def test_marks_of_voices_leave_and_what_they_sing_stays() -> None:
    text = "[00:01.00]v1: <00:01.00>one\n[00:02.00]v2:two\n[bg: <00:03.00>three]\n[00:04.00]F: four"
    assert without_times(text) == "one\ntwo\nthree\nfour"


@pytest.mark.parametrize("name", ["a song.lrc", "a song.LrC", "a song.mp3.lrc", "a song.TXT", "A SONG.mp3.Txt"])
def test_lyrics_beside_a_recording_are_found_whatever_their_suffix(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("words")
    (tmp_path / f"._{name}").write_text("finder")
    (tmp_path / "another song.lrc").write_text("other words")
    assert find_lyric_file(tmp_path / "a song.mp3") == tmp_path / name


def test_synchronised_lyrics_go_before_plain_ones(tmp_path: Path) -> None:
    for name in ("a.txt", "a.mp3.lrc", "a.LRC"):
        (tmp_path / name).write_text("words")
    assert find_lyric_file(tmp_path / "a.mp3") == tmp_path / "a.LRC"


def test_a_line_separator_of_another_encoding_breaks_no_line(tmp_path: Path) -> None:
    (tmp_path / "a.lrc").write_bytes("[00:01.00]Wait… for ‘me’\n".encode("cp1252"))
    assert read_lyric_file(tmp_path / "a.lrc") == "Wait… for ‘me’"


def test_a_lyrics_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.lrc").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(LyricsError, match=r"a\.lrc are left out"):
        read_lyric_file(tmp_path / "a.lrc")
