"""Who an artist is: spellings, nobodies, guests."""

import unicodedata

import numpy as np
import polars as pl
import pytest

from simsong_pipeline.artist_ids import all_artist_ids, main_artist_ids, named_in, songs_naming
from simsong_pipeline.credits import credit_of, first_artist, first_known, is_nobody, name_key, parts_of


@pytest.mark.parametrize("name", ["Beyoncé", "Sigur Rós", "Ásgeir Trausti", "Zoë Élan", "Дельфин Йод", "がらくた"])
@pytest.mark.parametrize(
    "spelt",
    [
        lambda n: unicodedata.normalize("NFD", n),
        str.upper,
        lambda n: f"\u00a0{n}\u200b ",
        lambda n: n.replace(" ", "\u2003 "),
        lambda n: f"\ufeff{n}",
    ],
)
def test_one_artist_however_the_name_is_spelt(name: str, spelt) -> None:
    assert credit_of(spelt(name)).main == credit_of(name).main


def test_typeset_marks_are_typed_ones() -> None:
    assert name_key("Guns N’ Roses") == name_key("Guns N' Roses")
    assert name_key("A‐ha") == name_key("a-ha")


def test_accents_tell_artists_apart() -> None:
    assert credit_of("Sóley").main != credit_of("Soley").main


@pytest.mark.parametrize(
    "name",
    [
        *("Various Artists", "VARIOUS", "VA", "V.A.", "various artists ", "Various\u00a0Artists"),
        *("Unknown Artist", "unknown", "<unknown>", "[unknown]", "[Unknown Artist]", "(unknown)", "[no artist]"),
        *("[anonymous]", "[traditional]", "", "  ", "-", "\u200b", "Compilations"),
        *("Verschiedene Interpreten", "Verschiedene Kunstler", "Artistes divers", "Vários Artistas", "AA.VV."),
        *("Неизвестный исполнитель", "群星", "未知艺术家", "ヴァリアス・アーティスト", "알 수 없는 아티스트"),
    ],
)
def test_nobody_is_called(name: str) -> None:
    assert is_nobody(name)
    assert credit_of(name).main is None


@pytest.mark.parametrize("name", ["Vanessa", "!!!", "†††", "Anonymous 4", "The Unknown", "Variousness", "311", "?"])
def test_names_that_only_look_like_nobodys(name: str) -> None:
    assert credit_of(name).main == name.casefold()


@pytest.mark.parametrize(
    ("artist", "names"),
    [
        ("Anna feat. Bo", ["anna", "bo"]),
        ("Anna ft. Bo", ["anna", "bo"]),
        ("Anna ft.Bo", ["anna", "bo"]),
        ("Anna FEATURING Bo", ["anna", "bo"]),
        ("Anna (feat. Bo)", ["anna", "bo"]),
        ("Anna [Ft Bo]", ["anna", "bo"]),
        ("Anna (with Bo)", ["anna", "bo"]),
        ("Anna; Bo", ["anna", "bo"]),
        ("Anna\x00Bo", ["anna", "bo"]),
        ("Anna / Bo", ["anna", "bo"]),
        ("Anna;Bo feat. Cy", ["anna", "bo", "cy"]),
        ("Anna feat. Bo & Cy", ["anna", "bo & cy", "bo", "cy"]),
        ("Anna, feat. Bo", ["anna", "bo"]),
        ("Anna - ft: Bo", ["anna", "bo"]),
        ("Anna/feat. Bo", ["anna", "bo"]),
        ("Anna (duet with Bo)", ["anna", "bo"]),
        ("Anna feat. Bo (Remix)", ["anna", "bo"]),
        ("Anna feat. Bo (Live) [Remaster]", ["anna", "bo"]),
        ("Anna (feat. Bo) [Remix]", ["anna", "bo"]),
        ("Anna [ft. Bo] (Live) {Remaster 2010}", ["anna", "bo"]),
        ("Anna（feat. ぼう）［Remix］", ["anna", "ぼう"]),
        ("Anna (with Bo) [Remix]; Cy", ["anna", "cy", "bo"]),
        ("Anna [UK] (feat. Bo)", ["anna [uk]", "bo"]),
        ("Anna [UK] (feat. Bo) [Remix]", ["anna [uk]", "bo"]),
        ("Anna (UK)", ["anna (uk)"]),
        ("Anna (feat. Bo) and Cy", ["anna and cy", "bo"]),
        ("あんな（feat. ぼう）", ["あんな", "ぼう"]),
        ("あんな・feat.ぼう、しい", ["あんな", "ぼう、しい", "ぼう", "しい"]),
        ("安娜；博", ["安娜", "博"]),
        ("Various Artists; Anna", ["anna"]),
        ("AC/DC", ["ac/dc"]),
        ("Earth, Wind & Fire", ["earth, wind & fire"]),
        ("Simon & Garfunkel", ["simon & garfunkel"]),
        ("Tyler, The Creator", ["tyler, the creator"]),
        ("Little Feat", ["little feat"]),
        ("Ft. Anna", ["ft. anna"]),
        ("Anna-Ft", ["anna-ft"]),
        ("Malcolm X", ["malcolm x"]),
        ("Anna und Bo", ["anna und bo"]),
        ("Sleeping With Sirens", ["sleeping with sirens"]),
        ("Defeat", ["defeat"]),
    ],
)
def test_everybody_in_a_credit(artist: str, names: list[str]) -> None:
    credit = credit_of(artist)
    assert (credit.main, list(credit.names)) == (names[0], names)


@pytest.mark.parametrize(
    ("title", "guests"),
    [
        ("Sea (feat. Bo)", ["bo"]),
        ("Sea [ft. Bo] (Remix)", ["bo"]),
        ("Sea (with Bo)", ["bo"]),
        ("Sea ft. Bo", ["bo"]),
        ("Sea feat. Bo (Live)", ["bo"]),
        ("Sea feat. Bo (Live) [Remaster]", ["bo"]),
        ("Sea (feat. Bo) [Remix]", ["bo"]),
        ("Sea（feat. ぼう）", ["ぼう"]),
        ("Stay (With Me)", []),
        ("Sea", []),
    ],
)
def test_guests_in_a_title(title: str, guests: list[str]) -> None:
    credit = credit_of("Anna", title)
    assert (credit.main, list(credit.names)) == ("anna", ["anna", *guests])


@pytest.mark.parametrize("tag", ["Foo (feat. Bar) [Remix]", "Foo ft. Bar (Live) [Remix]", "Foo", "Foo; Bar"])
def test_the_first_artist_is_shown_without_guests_and_remarks_on_them(tag: str) -> None:
    assert first_artist(tag) == "Foo"


def test_who_names_somebody_comes_first() -> None:
    assert first_known("Various Artists", "Anna") == "Anna"
    assert first_known(None, "<unknown>") == "<unknown>"
    assert first_known(None, None) is None


def test_songs_of_nobody_are_by_artists_of_their_own() -> None:
    artists = ["Various Artists", "Various Artists", None, "Anna feat. Bo", "ANNA"]
    ids = main_artist_ids(artists, list("abcde")).to_list()
    assert ids == ["unknown artist of a", "unknown artist of b", "unknown artist of c", "anna", "anna"]


def _tracks(*rows: tuple[str, str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["track_id", "artist_name", "title"], orient="row")
    frame = frame.with_columns(main_artist_ids(frame["artist_name"], frame["track_id"]))
    return frame.with_columns(all_artist_ids(frame))


def test_both_of_a_duet_are_named_where_both_have_songs_of_their_own() -> None:
    rows = [("a", "Anna & Bo", "Sea"), ("b", "Anna", "Sky"), ("c", "Bo", "Sun"), ("d", "Cy & Anna", "Sand")]
    assert _tracks(*rows)["artist_ids"].to_list() == [["anna & bo", "anna", "bo"], ["anna"], ["bo"], ["cy & anna"]]


@pytest.mark.parametrize(
    "between", [" x ", " × ", " vs. ", " VS ", " with ", ", ", "、", "＆", " und ", " y ", " presents "]
)
def test_a_duet_by_any_joint_names_both_where_both_are_artists_here(between: str) -> None:
    rows = [
        ("a", f"Anna{between}Bo", "Sea"),
        ("b", "Anna", "Sky"),
        ("c", "Bo", "Sun"),
        ("d", f"Anna{between}Cy", "Sand"),
    ]
    named = _tracks(*rows)["artist_ids"].to_list()
    assert set(named[0]) >= {"anna", "bo"}
    assert "anna" not in named[3]


def test_songs_that_name_an_artist() -> None:
    tracks = _tracks(("a", "Anna", "Sea (feat. Bo)"), ("b", "Bo", "Sky"), ("c", "Cy", "Sun"))
    assert songs_naming(named_in(tracks), ["bo"]) == ["b", "a"]
    assert sorted(named_in(tracks).rows()) == [("a", "anna"), ("a", "bo"), ("b", "bo"), ("c", "cy")]


def test_a_frame_of_an_earlier_version_names_main_artists() -> None:
    tracks = _tracks(("a", "Anna", "Sea (feat. Bo)"))
    for before in (tracks.drop("artist_ids"), tracks.with_columns(artist_ids=pl.lit(None, pl.List(pl.String)))):
        assert named_in(before).rows() == [("a", "anna")]


@pytest.mark.parametrize("seed", range(3))
def test_names_that_are_taken_apart_once_are_those_of_each_song(seed: int) -> None:
    rng = np.random.default_rng(seed)
    artists = ["Ann", "Bob & Ann", "Bob", "Various Artists", "Ann feat. Eve", "Åse / Bob", None]
    titles = [
        "Song",
        "Song (feat. Bob)",
        "Stay with me",
        "Song ｆｔ． Ann",
        "Left (WITH Eve)",
        "Song w/ Ann",
        "Łąka",
        None,
    ]
    rows = [
        (f"a{n % 5}", artists[a], titles[t])
        for n, a, t in zip(range(200), *rng.integers((7, 8), size=(200, 2)).T, strict=True)
    ]
    tracks = pl.DataFrame(rows, schema=["artist_id", "artist_name", "title"], orient="row")
    mains = {credit_of(artist, title).main for _, artist, title in rows}
    expected = []
    for artist_id, artist, title in rows:
        credit = credit_of(artist, title)
        parts = parts_of(credit.main or "")
        duet = parts if parts and set(parts) <= mains else ()
        expected.append(list(dict.fromkeys([artist_id, *credit.names, *duet])))
    assert all_artist_ids(tracks).to_list() == expected
