"""Names of songs, as people write them."""

import pytest

from simsong_pipeline.names import SongName, artists_of, bare_title, plain, same_song, versions_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Señor & Co. ", "senor and co"),
        ("DON'T Stop!", "dont stop"),
        ("Don’t  stop", "dont stop"),
        ("歌 – 日本語", "歌 日本語"),
        ("ＡＢＣ", "abc"),
        ("Straße", "strasse"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    "title",
    [
        "Sea (feat. Bo)",
        "Sea ft. Bo",
        "Sea [Official Video]",
        "Sea - Remastered 2009",
        "Sea - 2011 Remaster",
        "Sea (Lyrics)",
        "SEA",
    ],
)
def test_guests_and_editions_are_no_part_of_the_title(title: str) -> None:
    assert bare_title(title) == "sea"


def test_title_that_is_all_brackets_stays() -> None:
    assert bare_title("(Official)") == "official"


def test_credit_falls_apart_into_names() -> None:
    assert artists_of("The Beatles, Anna & Bo feat. Cy") == ["beatles", "anna", "bo", "cy"]


def test_version_is_a_word_of_its_own() -> None:
    assert versions_in("Sea (Live at home)") == {"live"}
    assert versions_in("Alive and Delivered") == frozenset()


@pytest.mark.parametrize(
    ("artist", "title"),
    [("anna", "SEA"), ("Anna & Bo", "Sea (feat. Bo)"), ("The Anna", "Sea - Remastered 2009"), ("Ánna", "Sea!")],
)
def test_same_song(artist: str, title: str) -> None:
    assert same_song(SongName("Anna", "Sea"), SongName(artist, title)) > 0.8


@pytest.mark.parametrize(
    ("artist", "title"), [("Anna", "Sea (Live)"), ("Anna", "Sea (Karaoke)"), ("Bo", "Sea"), ("Anna", "Mountain")]
)
def test_other_song_or_version(artist: str, title: str) -> None:
    assert same_song(SongName("Anna", "Sea"), SongName(artist, title)) < 0.6


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (SongName("Pink Floyd", "Another Brick, Pt. 1"), SongName("Pink Floyd", "Another Brick, Pt. 2")),
        (SongName("Anna", "Sea (Instrumental)"), SongName("Anna", "Sea")),
        (SongName("Earth, Wind & Fire", "Fantasy"), SongName("Fire", "Fantasy")),
        (SongName("!!!", "?"), SongName("†††", "…")),
    ],
)
def test_parts_versions_and_nameless_names_are_not_mixed_up(wanted: SongName, found: SongName) -> None:
    assert same_song(wanted, found) < 0.8


def test_live_song_is_wanted_live() -> None:
    assert same_song(SongName("Anna", "Sea (Live)"), SongName("Anna", "Sea (Live)")) == 1.0
