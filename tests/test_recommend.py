"""Finding a song by words."""

import polars as pl
import pytest

from simsong_pipeline.errors import AmbiguousSongError, UnknownSongError
from simsong_pipeline.recommend import find_song

TRACKS = pl.DataFrame(
    {
        "track_id": ["T1", "T2", "T3", "T4"],
        "artist_name": ["The Box Tops", "The Box Tops", "Adam Ant", "Gob"],
        "title": ["Soul Deep", "The Letter", "Something Girls", "The Letter"],
    }
)


@pytest.mark.parametrize(
    ("words", "track_id"),
    [
        ("T3", "T3"),
        ("soul deep", "T1"),
        ("The Box Tops - The Letter", "T2"),
        ("gob the letter", "T4"),
        ("Adam Ant", "T3"),
        ("Something", "T3"),
    ],
)
def test_words_that_name_one_song_find_it(words: str, track_id: str) -> None:
    assert find_song(TRACKS, words) == track_id


@pytest.mark.parametrize("words", ["The Letter", "The Box Tops", "the"])
def test_words_that_fit_several_list_them(words: str) -> None:
    with pytest.raises(AmbiguousSongError, match="T2"):
        find_song(TRACKS, words)


def test_misspelt_title_suggests_the_nearest_first() -> None:
    with pytest.raises(UnknownSongError) as caught:
        find_song(TRACKS, "Sole Dep")
    assert "Soul Deep" in str(caught.value).splitlines()[1]


def test_no_words_fit_nothing() -> None:
    with pytest.raises(UnknownSongError):
        find_song(TRACKS, "  ")
