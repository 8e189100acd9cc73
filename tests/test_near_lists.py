"""The nearest of all songs, found at once: the same songs as a search finds, and nothing where it could be others."""

import itertools
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from simsong_pipeline.asking.recommend import Ranking
from simsong_pipeline.config import StoreConfig
from simsong_pipeline.points import SONG_VECTOR, Neighbour, Point, Restriction, Search, fusion_query, song_vector
from simsong_pipeline.service.foreseen import Foreseen
from simsong_pipeline.service.frozen_store import FrozenStore
from simsong_pipeline.service.near_lists import LENGTH, NearLists, StoppedError, near_lists
from simsong_pipeline.stores.edge_store import EdgeStore
from simsong_pipeline.stores.payloads import point_id

SONGS, AUDIO, LYRICS = 150, 8, 4
NAME, ALIAS = "songs_v1", "songs"
OWN = Ranking(0.6, 0.3)
RESTRICTIONS = [
    Restriction(),
    Restriction(none_of={"outlier": ["no music", "silent"]}),
    Restriction(none_of={"artist_id": ["a1", "a2", "nobody"], "track_id": [f"T{n}" for n in range(0, SONGS, 9)]}),
    Restriction(none_of={"artist_id": [f"a{n}" for n in range(1, 5)], "outlier": ["no music"]}),
    Restriction(none_of={"year": ["1999"]}),
    Restriction(any_of={"artist_id": ["a3"]}, none_of={"track_id": ["T5"]}),
    Restriction(between={"year": (2000, 2004)}),
]


def _points(count: int, seed: int = 0) -> list[Point]:
    """Songs of which a fifth have no words, a tenth are no music, and each thirtieth sounds as the one before."""
    rng = np.random.default_rng(seed)
    points: list[Point] = []
    for number in range(count):
        audio, words = (_unit(rng.normal(size=width)) for width in (AUDIO, LYRICS))
        if number % 30 == 29:
            audio = points[-1].vectors["audio"]
        named = {"audio": audio} | ({"lyrics": words} if number % 5 else {})
        own = song_vector(audio, named.get("lyrics"), LYRICS, tuple(rng.uniform(0, 1, 2)), 0.1)
        payload = {
            "track_id": f"T{number}",
            "artist_id": f"a{number % 7}",
            "outlier": "no music" if number % 10 == 3 else None,
            "year": 1995 + number % 12,
        }
        points.append(Point(point_id(f"T{number}"), {**named, SONG_VECTOR: own}, payload))
    return points


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _query(point: Point, ranking: Ranking = OWN) -> NDArray[np.float32]:
    return fusion_query(point.vectors[SONG_VECTOR], AUDIO, ranking.audio_weight, ranking.hubness)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeStore]:
    with EdgeStore(StoreConfig(engine="edge"), tmp_path_factory.mktemp("near")) as store:
        store.ensure_collection(NAME, AUDIO, LYRICS)
        store.upsert(NAME, _points(SONGS))
        store.point_aliases({ALIAS: NAME})
        yield store


def _foreseen(engine: EdgeStore, often: int = 1) -> tuple[FrozenStore, Foreseen]:
    frozen = FrozenStore(engine)
    return frozen, frozen.foresee(ALIAS, OWN, often)


def _slowly(points: Sequence[Point], query: NDArray[np.float32], hidden: set[str]) -> list[tuple[str, float]]:
    scores = [(p.point_id, float(p.vectors[SONG_VECTOR].astype(np.float64) @ query.astype(np.float64))) for p in points]
    known = {p.point_id: str(p.payload["track_id"]) for p in points}
    return sorted((s for s in scores if known[s[0]] not in hidden), key=lambda each: -each[1])


@pytest.mark.parametrize("count", [1, 20, 300, 3_400])
def test_lists_are_the_songs_of_the_highest_scores(count: int) -> None:
    points = _points(count, seed=count)
    lists = near_lists(points, OWN, lambda: True)
    for point in points[:: max(1, count // 40)]:
        hidden = {str(point.payload["track_id"]), "T3"}
        found = lists.found(point.point_id, 10, Restriction(none_of={"track_id": list(hidden)}))
        every = _slowly(points, _query(point), hidden)
        wanted = every[:10]
        assert found is not None
        assert [score for _, score in found] == pytest.approx([score for _, score in wanted], abs=1e-5)
        true = dict(every)
        assert len(dict(found)) == len(found)
        assert [score for _, score in found] == pytest.approx([true[i] for i, _ in found], abs=1e-5)


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_what_is_at_hand_is_what_a_search_finds(engine: EdgeStore, restriction: Restriction) -> None:
    frozen, foreseen = _foreseen(engine)
    foreseen.begin()
    foreseen.wait()
    assert foreseen.lists is not None
    points = engine.fetch(NAME, [point_id(f"T{n}") for n in (0, 1, 29, 58, 77)], with_vectors=True)
    for point, limit in itertools.product(points, (1, 10, LENGTH, 100)):
        found = frozen.nearest_of(point.point_id, OWN, limit, restriction)
        wanted = engine.query(NAME, Search(_query(point), SONG_VECTOR, limit, restriction))
        is_by_a_list = restriction.none_of.keys() <= {"track_id", "artist_id", "outlier"}
        is_by_a_list &= not (restriction.any_of or restriction.between)
        assert found is not None or not is_by_a_list or limit > 10
        if found is not None:
            assert is_by_a_list
            assert _by_score(found) == _by_score(wanted)
            assert [n.score for n in found] == pytest.approx([n.score for n in wanted], abs=1e-6)


def _by_score(found: Sequence[Neighbour]) -> list[list[str]]:
    """Ids, those of nearly equal scores as one group."""
    groups: list[list[str]] = []
    last = np.inf
    for near in found[:-1]:  # the last one may be any of those whose scores are equal
        if last - near.score > 1e-5:
            groups.append([])
        groups[-1].append(near.track_id)
        last = near.score
    return [sorted(group) for group in groups]


def test_another_ranking_song_or_most_of_a_list_hidden_is_not_at_hand(engine: EdgeStore) -> None:
    frozen, foreseen = _foreseen(engine)
    foreseen.begin()
    foreseen.wait()
    one, every = point_id("T8"), Restriction()
    assert frozen.nearest_of(one, Ranking(0.6, 0.3), LENGTH, every) is not None
    assert frozen.nearest_of(one, OWN, LENGTH, every.without("track_id", ["T8"])) is None
    assert frozen.nearest_of(one, OWN, LENGTH + 1, every) is None
    assert frozen.nearest_of(one, OWN, 10, every.without("artist_id", [f"a{n}" for n in range(6)])) is None
    assert frozen.nearest_of(one, Ranking(0.61, 0.3), 10, every) is None
    assert frozen.nearest_of(one, Ranking(0.6), 10, every) is None
    assert frozen.nearest_of(point_id("nobody"), OWN, 10, every) is None
    assert FrozenStore(engine).nearest_of(one, OWN, 10, every) is None


@pytest.mark.parametrize(("most", "is_made"), [(SONGS, True), (SONGS - 1, False)])
def test_lists_are_made_once_an_index_is_asked_often_and_not_of_too_many_songs(
    engine: EdgeStore, most: int, is_made: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simsong_pipeline.service.foreseen._MOST_SONGS", most)
    frozen, foreseen = _foreseen(engine, often=5)
    for number in range(8):
        foreseen.wait()
        assert (foreseen.lists is not None) == (is_made and number >= 5)
        frozen.nearest_of(point_id("T0"), Ranking(0.1), 3, Restriction())
        frozen.nearest_of(point_id("T0"), OWN, 3, Restriction())


@pytest.mark.parametrize(("few", "is_made"), [(SONGS, True), (SONGS - 1, False)])
def test_lists_of_few_songs_are_made_before_anything_is_asked(
    engine: EdgeStore, few: int, is_made: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simsong_pipeline.service.foreseen._FEW_SONGS", few)
    _, foreseen = _foreseen(engine, often=5)
    foreseen.begin_where_few()
    foreseen.wait()
    assert (foreseen.lists is not None) == is_made


class _Endless:
    """An index of which nobody sees the end."""

    def __init__(self) -> None:
        self.is_walked = threading.Event()

    def count(self, _name: str) -> int:
        return 1

    def walk(self, _collection: str, _fields: Sequence[str], _vectors: Sequence[str]) -> Iterator[Point]:
        for _ in itertools.count():
            yield _points(1)[0]
            self.is_walked.set()


def test_making_lists_ends_with_the_state_that_they_are_of() -> None:
    store = _Endless()
    foreseen = Foreseen(store, NAME, OWN, 1)
    foreseen.begin()
    assert store.is_walked.wait(30)
    foreseen.end()
    assert foreseen.lists is None
    assert not any(thread.name == "near-lists" for thread in threading.enumerate())
    foreseen.begin()
    assert not any(thread.name == "near-lists" for thread in threading.enumerate())


def test_what_nobody_wants_is_given_up_between_songs_and_between_rows() -> None:
    points = _points(300)
    for looks in (0, 150, 301):
        left = iter([True] * looks)
        with pytest.raises(StoppedError):
            near_lists(points, OWN, lambda left=left: next(left, False))
    assert isinstance(near_lists(points, OWN, lambda: True), NearLists)
