"""Nothing in a title, a name or a path steers the terminal."""

import json
import unicodedata
from pathlib import Path

import polars as pl
import pytest

from simsong_pipeline.asking.finding import find_song
from simsong_pipeline.cli import console
from simsong_pipeline.cli.console import print_error, print_json, print_table, shown
from simsong_pipeline.errors import AmbiguousSongError, RawDataError, UnknownSongError

_EVIL = [
    "red \x1b[31m",
    "title \x1b]0;owned\x07",
    "clear \x9b2J",
    "two\nlines",
    "back\r\x08",
    "turned \u202egnp.exe",
    "isolated \u2066x\u2069",
    "line\u2028separator",
    "next\x85line",
    "half \ud800 of one",
    "nothing \x00",
    "delete \x7f",
]


def _steers(text: str) -> list[str]:
    """What in the text a terminal would obey, but for the ends of lines."""
    lines = ("Cc", "Cs", "Zl", "Zp")
    turning = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return [
        c for c in text if (unicodedata.category(c) in lines and c != "\n") or unicodedata.bidirectional(c) in turning
    ]


@pytest.mark.parametrize("name", _EVIL)
def test_name_that_would_steer_is_escaped(name: str) -> None:
    assert _steers(shown(name)) == []
    assert "\n" not in shown(name)


def test_every_character_that_steers_is_escaped() -> None:
    everything = "".join(chr(c) for c in range(0x11_0000))
    assert _steers(shown(everything)) == []
    assert "\n" not in shown(everything)


@pytest.mark.parametrize("name", ["Beyoncé", "Sigur Rós – Ágætis", "さだまさし", "שלום", "[bold] 50% \\o/", "👩‍🎤 x"])
def test_ordinary_name_is_shown_as_it_is(name: str) -> None:
    assert shown(name) == name


@pytest.mark.parametrize("name", _EVIL)
def test_tables_notes_and_errors_are_escaped(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(name, ("title", name.split(maxsplit=1)[0]), [(name, 1.0)])
    console.out.print(name)
    console.err.print(f"  {name}")
    print_error(RawDataError(f"{name} cannot be read"))
    print_error(OSError(f"no {name}"))
    with console.events() as told:
        told.stage(name)
        told.note(name)
    said = "".join(capsys.readouterr())
    assert _steers(said) == []


def test_file_name_fakes_no_line_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    name = Path("a\nerror: all is lost")
    print_error(RawDataError(f"{name} cannot be read"))
    assert capsys.readouterr().err == "error: a\\nerror: all is lost cannot be read\n"


def test_brackets_in_a_name_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(RawDataError("[bold]x[/bold] and [/nothing]"))
    console.out.print("[red]y")
    assert capsys.readouterr() == ("[red]y\n", "error: [bold]x[/bold] and [/nothing]\n")


@pytest.mark.parametrize("words", ["song", "zzz"])
@pytest.mark.parametrize("name", [name for name in _EVIL if "\ud800" not in name])  # which no frame holds
def test_candidates_are_a_line_each(name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"T{n}", "Someone", f"song {name}") for n in range(3)]
    tracks = pl.DataFrame(rows, schema=["track_id", "artist_name", "title"], orient="row")
    with pytest.raises((AmbiguousSongError, UnknownSongError)) as caught:
        find_song(tracks, words)
    print_error(caught.value)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert _steers("".join(lines)) == []


@pytest.mark.parametrize("name", _EVIL)
def test_json_is_valid_and_steers_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"title": name, name: [1, {"inner": (name, None)}]})
    said = capsys.readouterr().out
    assert _steers(said) == []
    assert said.count("\n") == 1
    assert json.loads(said) == {"title": name, name: [1, {"inner": [name, None]}]}
