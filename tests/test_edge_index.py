"""A few changes of an embedded collection are searched beside its graph; many are taken into it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.points import Point, Search, song_vector
from simsong_pipeline.stores import waiting_changes
from simsong_pipeline.stores.edge_store import EdgeStore
from simsong_pipeline.stores.payloads import point_id
from simsong_pipeline.stores.search_width import candidates

AUDIO, LYRICS, NAME = 500, 2_000, "songs"
# Of this width the engine gives a segment a graph, which it does from 10 MB of vectors on.
MANY_SONGS = 1_050


def _points(first: int, count: int, state: str = "a") -> list[Point]:
    """Random directions, so that each song's nearest is itself, far before all others."""
    rng = np.random.default_rng([first, *state.encode()])
    points = []
    for number in range(first, first + count):
        audio, words = (v / np.linalg.norm(v) for v in (rng.normal(size=AUDIO), rng.normal(size=LYRICS)))
        audio, words = audio.astype(np.float32), words.astype(np.float32)
        vectors = {"audio": audio, "lyrics": words, "song": song_vector(audio, words, LYRICS, (0.0, 0.0), 0.0)}
        payload = {
            "track_id": f"T{number}",
            "content_hash": f"{state}{number}",
            "payload_hash": "p",
            "model_version": "v",
        }
        points.append(Point(point_id(f"T{number}"), vectors, payload))
    return points


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    with EdgeStore(StoreConfig(engine="edge"), tmp_path / "edge") as opened:
        opened.ensure_collection(NAME, AUDIO, LYRICS)
        yield opened


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows by each process that builds an index."""
    started: list[object] = []
    start = subprocess.Popen

    def noted(*arguments: object, **more: object) -> object:
        started.append(arguments)
        return start(*arguments, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", noted)
    return started


def _nearest(store: EdgeStore, points: list[Point]) -> list[str]:
    return [store.query(NAME, Search(p.vectors["song"], "song", 1))[0].track_id for p in points]


def _without_graph(store: EdgeStore) -> int:
    """Songs that are more than the graph has, which keeps those that were written anew since."""
    info = store._shard(NAME).info()
    return int(info.points_count - info.indexed_vectors_count // 3)


def test_few_new_songs_are_found_at_once_beside_the_graph_of_the_others(store: EdgeStore, built: list[object]) -> None:
    old, new = _points(0, MANY_SONGS), _points(MANY_SONGS, 40)
    store.update(NAME, old)
    assert len(built) == 1
    assert _without_graph(store) == 0
    again = _points(100, 5, "b")  # songs that are in the graph, with other vectors
    store.update(NAME, [*old[:100], *again, *old[105:], *new])
    assert len(built) == 1
    assert _without_graph(store) == 40
    wanted = [*new, *again, *old[:20]]
    assert _nearest(store, wanted) == [p.payload["track_id"] for p in wanted]
    # By their former vectors these songs are not found any more.
    assert set(_nearest(store, old[100:105])).isdisjoint(p.payload["track_id"] for p in old[100:105])


@pytest.mark.parametrize(
    "steps",
    [
        lambda p: [p[:6], p[:12], p],
        lambda p: [p[:12], [*p[:3], *p[7:12]], [*p[:3], *p[7:]]],
    ],
    ids=["songs that come", "songs that go and come"],
)
def test_the_index_is_built_when_as_many_changes_wait_as_are_many(
    store: EdgeStore,
    built: list[object],
    monkeypatch: pytest.MonkeyPatch,
    steps: Callable[[list[Point]], list[list[Point]]],
) -> None:
    monkeypatch.setattr(waiting_changes, "MANY", 18)
    points = _points(0, 18)
    counts = []
    for wanted in steps(points):
        store.update(NAME, wanted)
        store.update(NAME, wanted)  # nothing changed: nothing more waits
        counts.append(len(built))
    assert counts == [0, 0, 1]
    store.update(NAME, points)
    assert len(built) == 1  # they are counted from zero again


def test_changes_of_a_killed_night_wait_with_those_of_the_next(
    store: EdgeStore, built: list[object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(waiting_changes, "MANY", 10)
    points = _points(0, 10)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "count", killed)
        with pytest.raises(KeyboardInterrupt):
            store.update(NAME, points[:6])
    store.__exit__()
    with EdgeStore(StoreConfig(engine="edge"), tmp_path / "edge") as opened:
        assert opened.update(NAME, points).upserted == 4
        assert len(built) == 1
        assert _nearest(opened, points) == [p.payload["track_id"] for p in points]


def test_a_collection_of_an_earlier_version_that_waits_for_its_index_gets_it(
    store: EdgeStore, built: list[object], tmp_path: Path
) -> None:
    points = _points(0, 5)
    store.update(NAME, points)
    (tmp_path / "edge" / NAME / "unindexed").write_bytes(b"")  # it had no number
    store.update(NAME, points)
    assert len(built) == 1


@pytest.mark.parametrize(("songs", "bound"), [(0, 1_000), (99_999, 1_000), (300_000, 3_000), (5_000_000, 10_000)])
def test_of_a_large_collection_a_hundredth_may_wait(tmp_path: Path, songs: int, bound: int) -> None:
    waiting = waiting_changes.WaitingChanges(tmp_path)
    waiting.add(bound - 1)
    assert not waiting.are_many(songs)
    waiting.add(1)
    assert waiting.are_many(songs)


@pytest.mark.parametrize(("songs", "width"), [(0, 192), (200_000, 192), (800_000, 384), (5_000_000, 960)])
def test_a_search_of_more_songs_looks_at_more(songs: int, width: int) -> None:
    assert candidates(StoreConfig(), songs) == width
