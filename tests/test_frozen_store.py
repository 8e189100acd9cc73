"""A copy's index: what songs carry is read once, and every answer is the engine's own."""

from collections.abc import Iterator

import numpy as np
import pytest

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.points import SONG_VECTOR, Neighbour, Point, Restriction, Search, song_vector
from simsong_pipeline.service import frozen_store
from simsong_pipeline.service.frozen_store import FrozenStore
from simsong_pipeline.stores.edge_store import EdgeStore
from simsong_pipeline.stores.payloads import point_id

SONGS, AUDIO, LYRICS = 60, 8, 4
NAME, ALIAS = "songs_v1", "songs"
QUERIES = [
    Restriction(),
    Restriction(none_of={"track_id": ["T3", "T7", "nobody"]}),
    Restriction(any_of={"track_id": ["T1", "T2", "T5", "nobody"]}),
    Restriction(any_of={"track_id": ["nobody"]}),
    Restriction(none_of={"track_id": ["T1"], "artist_id": ["a1"]}, between={"year": (2000, 2004)}),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeStore]:
    rng = np.random.default_rng(0)
    with EdgeStore(StoreConfig(engine="edge"), tmp_path_factory.mktemp("frozen")) as store:
        store.ensure_collection(NAME, AUDIO, LYRICS)
        store.upsert(NAME, [_point(n, rng) for n in range(SONGS)])
        store.point_aliases({ALIAS: NAME})
        yield store


def _point(number: int, rng: np.random.Generator) -> Point:
    audio, words = (v / np.linalg.norm(v) for v in (rng.normal(size=AUDIO), rng.normal(size=LYRICS)))
    named = {"audio": audio.astype(np.float32), "lyrics": words.astype(np.float32)}
    named[SONG_VECTOR] = song_vector(named["audio"], named["lyrics"], LYRICS)
    payload = {"track_id": f"T{number}", "artist_id": f"a{number % 4}", "year": 1995 + number % 12, "lyrics": "la la"}
    return Point(point_id(f"T{number}"), named, payload)


def _asked(store: EdgeStore | FrozenStore, name: str, seed: int, restriction: Restriction) -> list[Neighbour]:
    vector = np.random.default_rng(seed).normal(size=AUDIO + LYRICS + 3).astype(np.float32)
    return store.query(name, Search(vector, SONG_VECTOR, 12, restriction))


def _without_words(found: list[Neighbour]) -> list[tuple[str, float, dict[str, object]]]:
    return [(n.track_id, n.score, {k: v for k, v in n.payload.items() if k != "lyrics"}) for n in found]


@pytest.mark.parametrize("name", [NAME, ALIAS])
@pytest.mark.parametrize("kept", [5, 1_000])
def test_answers_are_the_engines(engine: EdgeStore, name: str, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_store, "_KEPT", kept)
    frozen = FrozenStore(engine)
    for seed in range(6):
        for restriction in QUERIES:
            found = _asked(frozen, name, seed, restriction)
            assert _without_words(found) == _without_words(_asked(engine, name, seed, restriction))


def test_ids_restrict_as_the_field_of_that_name_would(engine: EdgeStore) -> None:
    every = {f"T{n}" for n in range(SONGS)}
    for restriction in QUERIES[1:4]:
        wanted = set(restriction.any_of.get("track_id", every)) & every - set(restriction.none_of.get("track_id", []))
        vector = np.ones(AUDIO + LYRICS + 3, np.float32)
        assert {n.track_id for n in engine.query(NAME, Search(vector, SONG_VECTOR, SONGS, restriction))} == wanted


def test_vectors_come_along_where_they_are_asked_for_and_words_do_not(engine: EdgeStore) -> None:
    frozen, vector = FrozenStore(engine), np.ones(AUDIO + LYRICS + 3, np.float32)
    with_them = frozen.query(ALIAS, Search(vector, SONG_VECTOR, 3, with_vectors=["audio"]))
    assert all(near.vectors["audio"].shape == (AUDIO,) for near in with_them)
    assert all("lyrics" not in near.payload for near in frozen.query(ALIAS, Search(vector, SONG_VECTOR, 3)))


def test_songs_are_read_once(engine: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    fetch = engine.fetch
    monkeypatch.setattr(
        engine, "fetch", lambda name, ids, with_vectors: read.extend(ids) or fetch(name, ids, with_vectors)
    )
    frozen = FrozenStore(engine)
    for seed in (0, 0, 1, 0, 1):
        _asked(frozen, ALIAS, seed, Restriction())
    assert len(read) == len(set(read)) > 12
