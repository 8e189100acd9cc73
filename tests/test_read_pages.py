"""Lyrics night by night: only pages that changed are cleaned, and the frame is that of cleaning all of them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import run_of

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics import read_pages
from simsong_pipeline.lyrics.frame import build_lyrics
from simsong_pipeline.lyrics.keeping import keep_lyrics
from simsong_pipeline.lyrics.read_pages import read_lyrics
from simsong_pipeline.stages.catalogue_stages import make_lyrics

_TEXTS = [
    "The tide carries us over the deep blue water",
    "3 ContributorsSea Lyrics[Verse 1]\nWir fahren über das weite Meer\n\n[Chorus]\nHinaus\nWir fahren hinaus2Embed",
    "<!doctype html><p>verify you are human",
    "[Instrumental]",
    "la la",
    "",
    " \n",
    None,
]
_STATUSES = ["OK", "FOUND", "NOT_FOUND", "INSTRUMENTAL", "UNREADABLE: its bytes are in no known encoding", "TRANSIENT"]
_PROVIDERS = ["genius", "file", "musixmatch"]
_PAGE = dict.fromkeys(("track_id", "text", "provider", "status"), pl.String)
_TRACKS = pl.DataFrame({"track_id": [f"T{n:02d}" for n in range(40)]})


def _random_page(rng: np.random.Generator, key: tuple[str, str]) -> tuple[str, str | None, str, str]:
    """A page of a track at a provider; half of them with words."""
    text = _TEXTS[int(rng.integers(len(_TEXTS)))] if rng.random() < 0.5 else _TEXTS[int(rng.integers(2))]
    return (key[0], text, key[1], str(rng.choice(_STATUSES, p=[0.5, 0.2, 0.1, 0.05, 0.1, 0.05])))


def _frame(pages: dict[tuple[str, str], tuple[str, str | None, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(list(pages.values()), schema=_PAGE, orient="row")


def _plain(pages: pl.DataFrame) -> pl.DataFrame:
    is_bag = pl.col("provider") == "musixmatch"
    return build_lyrics(_TRACKS, [pages.filter(~is_bag), pages.filter(is_bag)])


def _change(rng: np.random.Generator, pages: dict[tuple[str, str], tuple[str, str | None, str, str]]) -> None:
    """Pages come, change and go."""
    for _ in range(int(rng.integers(0, 8))):
        key = (str(rng.choice(_TRACKS["track_id"].to_list())), str(rng.choice(_PROVIDERS)))
        if key in pages and rng.random() < 0.3:
            del pages[key]
        else:
            pages[key] = _random_page(rng, key)


@pytest.mark.parametrize("seed", range(8))
def test_lyrics_of_each_night_are_those_of_cleaning_all_pages(seed: int, tmp_path: Path) -> None:
    """With words that are kept for damaged pages, which a later night must not take for what the page gave."""
    rng, workspace = np.random.default_rng(seed), Workspace(tmp_path)
    pages: dict[tuple[str, str], tuple[str, str | None, str, str]] = {}
    for key in [(track_id, provider) for track_id in _TRACKS["track_id"] for provider in _PROVIDERS]:
        if rng.random() < 0.4:
            pages[key] = _random_page(rng, key)
    expected: pl.DataFrame | None = None
    for night in range(8):
        frame = _frame(pages)
        expected = keep_lyrics(_plain(frame), frame, expected)
        found = make_lyrics(run_of(workspace, accept_shrink=True), _TRACKS, frame)
        assert found.rows() == expected.rows()
        if night != 4:  # a run that is stopped between its frames
            workspace.write("lyrics", found)
        else:
            expected = workspace.read("lyrics")
        _change(rng, pages)


def test_only_what_changed_is_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pages = {(t, p): _random_page(rng, (t, p)) for t in _TRACKS["track_id"] for p in _PROVIDERS}
    first = read_lyrics(_TRACKS, _frame(pages))
    assert first.cleaned == _TRACKS.height
    assert read_lyrics(_TRACKS, _frame(pages), first.lyrics, first.read).cleaned == 0
    pages["T03", "genius"] = ("T03", "Other words are sung here now", "genius", "OK")
    second = read_lyrics(_TRACKS, _frame(pages), first.lyrics, first.read)
    assert second.cleaned == 1
    assert second.lyrics.filter(track_id="T03")["text"].to_list() == ["Other words are sung here now"]
    monkeypatch.setattr(read_pages, "READING", 99)
    assert read_lyrics(_TRACKS, _frame(pages), second.lyrics, second.read).cleaned == _TRACKS.height


@pytest.mark.parametrize("column", ["text", "provider", "status"])
def test_a_page_is_another_when_any_part_of_it_is(column: str) -> None:
    page = {"track_id": "T00", "text": "a b c d", "provider": "file", "status": "OK"}
    first = read_lyrics(_TRACKS, pl.DataFrame([page], schema=_PAGE))
    for value in ("", "FOUND", "a b c d e", *([None] if column == "text" else [])):
        other = pl.DataFrame([{**page, column: value}], schema=_PAGE)
        assert read_lyrics(_TRACKS, other, first.lyrics, first.read).cleaned == 1
