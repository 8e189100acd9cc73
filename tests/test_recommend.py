"""Finding a song or a tag by words, and choosing songs that are unlike each other."""

import unicodedata
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simsong_pipeline.asking.diversity import Limit, by_marginal_relevance
from simsong_pipeline.asking.finding import find_song, find_tags
from simsong_pipeline.asking.recommend import Choice, Question, nearest
from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import AmbiguousSongError, UnknownSongError, UnknownTagError
from simsong_pipeline.points import SONG_VECTOR, Point, song_vector
from simsong_pipeline.stores.opening import open_store
from simsong_pipeline.stores.payloads import point_id

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


ACCENTS = pl.DataFrame(
    {
        "track_id": ["B", "M", "S1", "S2", "F", "D"],
        "artist_name": ["Beyoncé", "MØ", "Zoë", "Zoe", "Anna feat. Bo", "Cy; Di"],
        "title": ["Halo", "Final Song", "Sea", "Sea", "Déjà Vu", "Čas"],
    }
)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKD"])
@pytest.mark.parametrize(
    ("words", "track_id"),
    [
        ("Beyoncé - Halo", "B"),
        ("BEYONCÉ – HALO", "B"),
        ("beyoncé", "B"),
        ("Beyonce - Halo", "B"),
        ("Mo - Final Song", "M"),
        ("deja", "F"),
        ("Anna - Déjà Vu", "F"),
        ("Cy - cas", "D"),
        ("Zoë - Sea", "S1"),
        ("Zoe - Sea", "S2"),
    ],
)
def test_songs_are_found_however_letters_are_composed_and_without_accents(form: str, words: str, track_id: str) -> None:
    assert find_song(ACCENTS, unicodedata.normalize(form, words)) == track_id  # type: ignore[arg-type]


def test_without_accents_several_songs_are_listed() -> None:
    both = ACCENTS.with_columns(artist_name=pl.col("artist_name").replace("Zoe", "Zöe"))
    with pytest.raises(AmbiguousSongError, match=r"(?s)S1.*S2"):
        find_song(both, "zoe - sea")


def test_songs_of_marks_alone_are_told_apart() -> None:
    marks = pl.DataFrame({"track_id": ["a", "b"], "artist_name": ["Anna", "Anna"], "title": ["!!!", "÷"]})
    assert (find_song(marks, "÷"), find_song(marks, "!!!")) == ("b", "a")


@pytest.mark.parametrize(
    ("words", "tags"),
    [("hip-hop", ["Hip Hop"]), ("Chanson francaise", ["Chanson française"]), ("Rap/Rock", ["Rap", "Rock"])],
)
def test_tags_are_found_whatever_their_marks(words: str, tags: list[str]) -> None:
    assert find_tags(["Hip Hop", "Chanson française", "Rap", "Rock"], words) == tags


def test_tags_are_found_whatever_their_case() -> None:
    assert find_tags(["style 2", "Rock", "rock", "pop"], " ROCK ") == ["Rock", "rock"]


def test_unknown_tag_suggests_the_nearest_first() -> None:
    with pytest.raises(UnknownTagError, match=r"'jaz'; the nearest are 'jazz'"):
        find_tags(["rock", "jazz", "pop"], "jaz")


def test_no_tags_at_all_suggest_nothing() -> None:
    with pytest.raises(UnknownTagError, match=r"'jazz'$"):
        find_tags([], "jazz")


# Two of one direction, one across, one in between.
DIRECTIONS = np.array([[1, 0], [1, 0], [0, 1], [0.8, 0.6]])
RELEVANCE = np.array([0.9, 0.8, 0.5, 0.55])


@pytest.mark.parametrize(
    ("diversity", "order"),
    [
        (0.0, [0, 1, 3, 2]),  # the most relevant
        (0.5, [0, 2, 1, 3]),  # after song 0, half of 0.8 - 1, 0.5 - 0 and 0.55 - 0.8
        (0.9, [0, 2, 3, 1]),  # 0.1 * 0.55 - 0.9 * 0.8 is more than 0.1 * 0.8 - 0.9 * 1
    ],
)
def test_marginal_relevance_by_hand(diversity: float, order: list[int]) -> None:
    assert by_marginal_relevance(RELEVANCE, DIRECTIONS, diversity, 4) == order


def _slowly(relevance: np.ndarray, directions: np.ndarray, diversity: float, k: int) -> list[int]:
    chosen: list[int] = []
    while len(chosen) < k:
        marginal = {
            n: (1 - diversity) * relevance[n]
            - diversity * max((float(directions[n] @ directions[c]) for c in chosen), default=0.0)
            for n in range(len(relevance))
            if n not in chosen
        }
        chosen.append(max(marginal, key=lambda n: marginal[n]))
    return chosen


@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.95])
def test_marginal_relevance_is_that_of_a_loop(diversity: float) -> None:
    rng = np.random.default_rng(3)
    relevance, directions = rng.normal(size=60), rng.normal(size=(60, 5))
    expected = _slowly(relevance, directions, diversity, 25)
    assert by_marginal_relevance(relevance, directions, diversity, 25) == expected


def test_no_group_has_more_than_its_room() -> None:
    limit = Limit(np.array([0, 0, 1, 2]), np.array([1, 1, 1]))
    assert by_marginal_relevance(RELEVANCE, DIRECTIONS, 0.5, 4, [limit]) == [0, 2, 3]


def test_groups_without_room_are_left_out() -> None:
    limit = Limit(np.array([0, 0, 1, 2]), np.array([0, 2, -1]))
    assert by_marginal_relevance(RELEVANCE, DIRECTIONS, 0.5, 4, [limit]) == [2]


def test_nothing_is_chosen_from_nothing() -> None:
    assert by_marginal_relevance(np.zeros(0), np.zeros((0, 0)), 0.5, 4) == []


def test_choices_are_made_from_as_many_as_may_be_looked_at(tmp_path: Path) -> None:
    """The nearest sixty songs are by one artist, the others by one each."""
    points = []
    for number, angle in enumerate(np.linspace(0, 1, 80)):
        audio = np.array([np.cos(angle), np.sin(angle)], np.float32)
        by = "A" if number < 60 else f"B{number}"
        payload = {"track_id": f"T{number}", "artist_id": by, "payload_hash": str(number)}
        named = {"audio": audio, SONG_VECTOR: song_vector(audio, None, 2)}
        points.append(Point(point_id(f"T{number}"), named, payload))
    with open_store(StoreConfig(engine="edge"), tmp_path) as store:
        store.ensure_collection("songs", 2, 2)
        store.update("songs", points)
        question = Question(points[0].vectors[SONG_VECTOR], SONG_VECTOR, {"audio": 1.0})
        for looked_at, songs in ((None, 5), (10_000, 5), (20, 1), (1, 1)):
            found = nearest(store, "songs", question, Choice(5, per_artist=1, looked_at=looked_at))
            assert (found[0].track_id, len(found)) == ("T0", songs)
