"""Tables fit 60 and 80 columns: the track id gives way, then names are broken; headers and numbers never are."""

import io

import pytest
from rich.cells import cell_len

from simsong_pipeline.cli import console

_COLUMNS = ("score", "artist", "title", "year", "language", "track_id")
_LONG = "An Orchestra With A Rather Long Name And Its Conductor"


def _printed(monkeypatch: pytest.MonkeyPatch, width: int, columns: tuple[str, ...], row: tuple[object, ...]) -> str:
    screen = io.StringIO()
    monkeypatch.setattr(console, "out", console.Screen(width=width, file=screen, highlight=False))
    console.print_table("songs", columns, [row])
    return screen.getvalue()


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize(
    "artist", ["A", _LONG, "Supercalifragilisticexpialidocious", "さだまさしと仲間たちの長い名前" * 2]
)
def test_songs_fit_and_no_header_or_number_is_broken(monkeypatch: pytest.MonkeyPatch, width: int, artist: str) -> None:
    row = (0.123456, artist, f"{_LONG} II", 1999, "en", "TRAAAAA128F4200000")
    text = _printed(monkeypatch, width, _COLUMNS, row)
    assert max(map(cell_len, text.splitlines())) <= width
    words = text.replace("│", " ").replace("┃", " ").split()
    assert {"score", "artist", "title", "year", "language", "0.1235", "1999", "en"} <= set(words)
    assert any(word.startswith("TRAAAAA") for word in words)


def test_wide_screens_show_everything_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, 160, _COLUMNS, (0.5, _LONG, "T", 1999, "en", "TRAAAAA128F4200000"))
    assert _LONG in text
    assert "TRAAAAA128F4200000" in text


def test_nothing_of_a_long_text_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, 60, ("what", "id", "remark"), ("artist", "x" * 70, "a remark " * 12))
    assert text.count("x") == 70
    assert text.split().count("remark") == 13
