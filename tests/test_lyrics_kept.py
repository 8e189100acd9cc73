"""Lyrics that were there stay while their page is damaged, and leave when a page says so."""

from pathlib import Path

import polars as pl
import pytest
from conftest import run_of

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics.keeping import keep_lyrics
from simsong_pipeline.lyrics.read_pages import read_lyrics
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.schemas import AUDIO, EXCLUSIONS, empty
from simsong_pipeline.stages.catalogue_stages import make_exclusions, make_lyrics

WORDS = "The tide carries us over the deep blue water"
_PAGE = ("track_id", "text", "provider", "status")


def _pages(*rows: tuple[str, str | None, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(_PAGE, pl.String), orient="row")


def _lyrics(pages: pl.DataFrame, *track_ids: str) -> pl.DataFrame:
    return read_lyrics(pl.DataFrame({"track_id": track_ids}), pages).lyrics


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (None, "UNREADABLE"),
        (None, "UNREADABLE: its bytes are in no known encoding"),
        (None, "TRANSIENT"),
        (None, "BLOCKED"),
        (None, "FOUND"),
        (" \n", "OK"),
        ("<!doctype html><p>verify you are human", "FOUND"),
    ],
)
def test_a_page_that_says_nothing_leaves_the_lyrics_as_they_were(text: str | None, status: str) -> None:
    before = _lyrics(_pages(("T", WORDS, "genius", "FOUND")), "T")
    pages = _pages(("T", text, "genius", status))
    kept = keep_lyrics(_lyrics(pages, "T"), pages, before)
    assert kept.select("text", "text_sha256", "status").equals(before.select("text", "text_sha256", "status"))
    assert str(kept["reason"][0]).endswith("its earlier lyrics are kept")
    again = keep_lyrics(_lyrics(pages, "T"), pages, kept)  # the next night
    assert again.equals(kept)


@pytest.mark.parametrize(("text", "status"), [(None, "INSTRUMENTAL"), (None, "NOT_FOUND"), ("la", "FOUND")])
def test_a_page_that_says_that_there_are_none_takes_them_away(text: str | None, status: str) -> None:
    before = _lyrics(_pages(("T", WORDS, "genius", "FOUND")), "T")
    pages = _pages(("T", text, "genius", status))
    assert keep_lyrics(_lyrics(pages, "T"), pages, before)["text"].to_list() == [None]


def test_new_words_replace_the_old_ones_and_a_page_that_is_gone_takes_them_along() -> None:
    before = _lyrics(_pages(("A", WORDS, "genius", "FOUND"), ("B", WORDS, "genius", "FOUND")), "A", "B")
    pages = _pages(("A", "Other words are sung here now", "genius", "FOUND"))
    texts = keep_lyrics(_lyrics(pages, "A", "B"), pages, before)["text"].to_list()
    assert texts == ["Other words are sung here now", None]


def test_kept_lyrics_are_listed_and_their_track_is_not_left_out() -> None:
    before = _lyrics(_pages(("T", WORDS, "genius", "FOUND")), "T")
    pages = _pages(("T", None, "file", "UNREADABLE"))
    kept = keep_lyrics(_lyrics(pages, "T"), pages, before)
    rows = make_exclusions(empty(EXCLUSIONS), empty(EXCLUSIONS), empty(AUDIO), kept)
    assert rows["reason"].to_list() == [
        "the lyrics file is not a lyrics record; its earlier lyrics are kept, track kept"
    ]


def test_lyrics_that_leave_by_the_half_stop_the_run_unless_meant(tmp_path: Path) -> None:
    workspace, ids = Workspace(tmp_path), [f"T{n}" for n in range(6)]
    everything = _pages(*[(t, WORDS, "genius", "FOUND") for t in ids])
    workspace.write("lyrics", _lyrics(everything, *ids))
    left, tracks = everything.head(2), pl.DataFrame({"track_id": ids})
    with pytest.raises(RawDataError, match=r"2 songs have lyrics now, and 6 of them had some .*--accept-shrink"):
        make_lyrics(run_of(workspace), tracks, left)
    meant = make_lyrics(run_of(workspace, accept_shrink=True), tracks, left)
    assert meant.filter(status="ok").height == 2


def test_a_night_in_which_all_pages_are_truncated_changes_no_song_and_counts_them(run_copy: Workspace) -> None:
    before = run_copy.read("wns/track_vectors")
    pages = sorted((run_copy.raw / "lyrics").rglob("*.json"))
    for page in pages:
        page.write_bytes(b"")
    summary = refresh(run_of(run_copy, publish_anyway=True))
    assert len([line for line in summary.unreadable if "lyrics page" in line]) == len(pages)
    assert (summary.embedded, summary.upserted) == (0, 0)
    assert run_copy.read("wns/track_vectors").equals(before)
