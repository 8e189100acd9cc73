"""Genres and years as tags and lists write them."""

import pytest

from simsong_pipeline.genres import commonest, genre_key, genres_of
from simsong_pipeline.years import year_of


@pytest.mark.parametrize(
    ("texts", "genres"),
    [
        (["Rock"], ["Rock"]),
        (["Rock; Pop"], ["Rock", "Pop"]),
        (["Rock/Pop"], ["Rock", "Pop"]),
        (["Rock|Pop"], ["Rock", "Pop"]),
        (["Rock, Pop"], ["Rock", "Pop"]),
        (["Rock\x00Pop"], ["Rock", "Pop"]),
        (["Rock", "Pop", "rock"], ["Rock", "Pop"]),
        (["Hip-Hop", "hip hop"], ["Hip-Hop"]),
        (["Folk, World, & Country"], ["Folk", "World", "Country"]),
        (["Drum & Bass"], ["Drum & Bass"]),
        (["(17)"], ["Rock"]),
        (["17"], ["Rock"]),
        (["(17)(13)"], ["Rock", "Pop"]),
        (["(4)Eurodisco"], ["Disco", "Eurodisco"]),
        (["(RX)"], ["Remix"]),
        (["((Foo)"], ["(Foo)"]),
        (["255"], []),
        (["80s"], ["80s"]),
        ([None, "", " ; "], []),
    ],
)
def test_genres_in_fields(texts: list[str | None], genres: list[str]) -> None:
    assert genres_of(texts) == genres


def test_spelling_that_most_have() -> None:
    assert commonest({"rock": 1, "Rock": 2, "pop": 1, "Pop": 1}) == {"rock": "Rock", "pop": "Pop"}
    assert genre_key("Hip-Hop") == genre_key(" hip  hop")


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2003", 2003),
        ("20030501", 2003),
        ("200305", 2003),
        ("20030501T120000", 2003),
        ("2003-05-01T12:00:00Z", 2003),
        ("2003-05-01 12:00:00+02:00", 2003),
        ("01052003", 2003),
        ("12311999", 1999),
        ("1990.0", 1990),
        ("1990,0", 1990),
        ("1990-00-00", 1990),
        ("01.05.1990", 1990),
        ("May 1, 1990", 1990),
        ("c. 1971", 1971),
        ("(C) 1998", 1998),
        ("℗1998", 1998),
        ("1998/2004", 1998),
        ("２００３", 2003),
        ("0000", None),
        ("0", None),
        ("98", None),
        ("'98", None),
        ("1970s", None),
        ("1970's", None),
        ("19900", None),
        ("12003", None),
        ("45672003", None),
        ("20031399", None),
        ("unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_year_in_a_text(text: str | None, year: int | None) -> None:
    assert year_of(text) == year


def test_nonsense_hides_no_year_behind_it() -> None:
    assert year_of("0000", "", None, "c. 1971", "1999") == 1971
