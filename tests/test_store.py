"""One contract for every engine, and a server that refuses: loopback HTTP stands for the refusals only."""

import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from conftest import SERVER

from simsong_pipeline.asking.recommend import Choice, Ranking, similar_songs, song_path, songs_about
from simsong_pipeline.asking.sound_vectors import nearest_to_both
from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import DiskFullError, StoreError, UnknownSongError
from simsong_pipeline.evaluation.fusion import SongVectors, fused_scores, with_hubness
from simsong_pipeline.points import Neighbour, Point, Restriction, Search, song_vector
from simsong_pipeline.stores import waiting_changes
from simsong_pipeline.stores.opening import Store, open_store
from simsong_pipeline.stores.payloads import point_id
from simsong_pipeline.stores.qdrant_store import QdrantStore
from simsong_pipeline.stores.updating import batches


def _unit(rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    vectors = rng.normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _vectors(n: int = 30) -> SongVectors:
    rng = np.random.default_rng(0)
    lyrics = _unit(rng, n, 4)
    lyrics[::7] = 0
    return SongVectors(_unit(rng, n, 6), lyrics, stand_in=0.2)


def _points(vectors: SongVectors, version: str = "v1") -> list[Point]:
    points: list[Point] = []
    for n, (audio, words) in enumerate(zip(vectors.audio, vectors.lyrics, strict=True)):
        named = {"audio": audio} | ({"lyrics": words} if words.any() else {})
        by_audio, by_lyrics = (0.0, 0.0) if vectors.hubness is None else vectors.hubness[n]
        named["song"] = song_vector(audio, named.get("lyrics"), 4, (by_audio, by_lyrics), vectors.stand_in)
        payload: dict[str, object] = {
            "track_id": f"T{n}",
            "artist_id": f"A{n // 3}",
            "content_hash": f"c{n}",
            "payload_hash": f"p{n}",
        }
        payload |= {"release": "First", "tags": ["odd" if n % 2 else "even"], "language": "de" if n % 3 else "en"}
        payload |= {"year": 1970 + n, "duration_s": 100.0 + n}
        payload |= {"tempo_bpm": 60.0 + 5 * n if n % 4 else None, "heard_tags": ["jazz", "soul"] if n % 5 else ["rock"]}
        payload |= {"outlier": None if n % 6 else "unlike music"}
        points.append(Point(point_id(f"T{n}"), named, payload | {"model_version": version}))
    return points


ENGINES = ["local", "edge", *(["server"] if SERVER else [])]
# A server has other collections, which are a person's own: these names are nobody's.
OURS = f"contract_{uuid.uuid4().hex}_"
SONGS, OTHER, OLD = f"{OURS}songs", f"{OURS}other", f"{OURS}songs_old"
LIVE, ALSO = f"{OURS}live", f"{OURS}also"


def _open(engine: str, folder: Path) -> Store:
    if engine == "server":
        return open_store(StoreConfig(url=SERVER), folder)
    return open_store(StoreConfig(engine=engine), folder)  # type: ignore[arg-type]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The contract holds for every engine; for a server where QDRANT_URL names one to test on."""
    return str(request.param)


@pytest.fixture
def store(engine: str, tmp_path: Path) -> Iterator[Store]:
    with _open(engine, tmp_path) as opened:
        opened.ensure_collection(SONGS, 6, 4)
        try:
            yield opened
        finally:
            opened.drop_others(OURS, [])


def _held(store: Store, *numbers: int) -> list[Point]:
    return store.fetch(SONGS, [point_id(f"T{n}") for n in numbers], with_vectors=True)


def _ends(store: Store, first: int, last: int) -> tuple[Point, Point]:
    begin, end = _held(store, first, last)
    return begin, end


def _ids(found: list[Neighbour]) -> list[str]:
    return [n.track_id for n in found]


def test_second_update_writes_nothing(store: Store) -> None:
    points = _points(_vectors())
    first, second = store.update(SONGS, points), store.update(SONGS, points)
    assert (first.upserted, first.total) == (30, 30)
    assert (second.upserted, second.deleted, second.total) == (0, 0, 30)


def test_only_changed_points_are_written_and_vanished_ones_deleted(store: Store) -> None:
    points = _points(_vectors())
    store.update(SONGS, points)
    changed = Point(points[3].point_id, points[3].vectors, {**points[3].payload, "payload_hash": "new"})
    change = store.update(SONGS, [*points[:3], changed, *points[4:-2]])
    assert (change.upserted, change.deleted, change.total) == (1, 2, 28)
    assert store.fetch(SONGS, [points[3].point_id], with_vectors=False)[0].payload["payload_hash"] == "new"


@pytest.mark.parametrize("left", [0, 10])
def test_shrunken_catalogue_does_not_wipe_the_collection(store: Store, left: int) -> None:
    points = _points(_vectors())
    store.update(SONGS, points)
    with pytest.raises(StoreError, match="left as it was"):
        store.update(SONGS, points[:left])
    assert store.count(SONGS) == 30


def test_what_is_raised_before_a_write_keeps_it_from_happening(store: Store) -> None:
    def refuse() -> None:
        raise StoreError("no longer mine")

    with pytest.raises(StoreError, match="no longer mine"):
        store.update(SONGS, _points(_vectors()), before_write=refuse)
    assert store.count(SONGS) == 0


def test_progress_counts_what_is_written_and_no_more(store: Store) -> None:
    points = _points(_vectors())
    store.update(SONGS, points[:20])
    told: list[tuple[int, int]] = []
    store.update(SONGS, points, progress=lambda *counts: told.append(counts))
    assert told == [(10, 10)]


@pytest.mark.parametrize("engine", ["local", "edge"])
def test_points_of_known_ids_are_never_held_together(engine: Literal["local", "edge"], tmp_path: Path) -> None:
    points, taken, looked_at, most = _points(_vectors()), 0, 0, 0
    with open_store(StoreConfig(engine=engine, batch_bytes=10_000), tmp_path) as store:
        store.ensure_collection(SONGS, 6, 4)
        other = replace(points[3], payload={**points[3].payload, "payload_hash": "old"})
        store.update(SONGS, [other, *points[25:]])

        def one_after_the_other() -> Iterator[Point]:
            nonlocal taken, most
            for point in points[:28]:
                taken += 1
                most = max(most, taken - looked_at)
                yield point

        def told(at: int, total: int) -> None:
            nonlocal looked_at
            looked_at = at
            assert total == 28

        ids = [point.point_id for point in points[:28]]
        change = store.update(SONGS, one_after_the_other(), 0.2, point_ids=ids, progress=told)
        assert (change.upserted, change.deleted, change.total) == (25, 2, 28)
        assert most < 28
        assert store.fetch(SONGS, [points[3].point_id], with_vectors=False)[0].payload["payload_hash"] == "p3"


def test_stored_vectors_come_back(store: Store) -> None:
    points = _points(_vectors())
    store.update(SONGS, points)
    found = store.fetch(SONGS, [points[2].point_id, point_id("nobody"), points[1].point_id], with_vectors=True)
    assert [p.payload["track_id"] for p in found] == ["T2", "T1"]
    for name, vector in points[2].vectors.items():
        np.testing.assert_allclose(found[0].vectors[name], vector, atol=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("query", [0, 1])  # 0 has no lyrics
def test_neighbours_are_those_of_the_exact_fused_scores(store: Store, weight: float, query: int) -> None:
    vectors = _vectors()
    store.update(SONGS, _points(vectors))
    found = similar_songs(store, SONGS, _held(store, query), Ranking(weight), Choice(10))
    scores = fused_scores(vectors, weight)[query]
    expected = [n for n in np.argsort(-scores) if n != query][:10]
    assert _ids(found) == [f"T{n}" for n in expected]
    np.testing.assert_allclose([n.score for n in found], scores[expected], atol=1e-5)


def test_likes_and_dislikes_are_the_average_vector_strategy(store: Store) -> None:
    vectors = _vectors()
    store.update(SONGS, _points(vectors))
    found = similar_songs(store, SONGS, _held(store, 1, 2), Ranking(0.5), Choice(20), disliked=_held(store, 3))
    scores = fused_scores(vectors, 0.5)
    wanted = scores[[1, 2]].mean(axis=0) * 2 - scores[3]
    order = [f"T{n}" for n in np.argsort(-wanted) if n not in (1, 2, 3)][:20]
    assert _ids(found) == order


def test_dislikes_alone_are_no_question(store: Store) -> None:
    store.update(SONGS, _points(_vectors()))
    with pytest.raises(UnknownSongError, match="name a liked song"):
        similar_songs(store, SONGS, [], Ranking(0.5), Choice(3), disliked=_held(store, 3))


def test_path_leads_from_one_song_to_the_other_without_repeating(store: Store) -> None:
    vectors = _vectors()
    store.update(SONGS, _points(vectors))
    steps = song_path(store, SONGS, _ends(store, 1, 2), Ranking(1.0), Choice(5))
    assert len({*_ids(steps), "T1", "T2"}) == 7
    scores = fused_scores(vectors, 1.0)
    numbers = [int(n.track_id[1:]) for n in steps]
    # Nearer to the start than to the end at first, the other way round at last.
    lead = scores[1, numbers] - scores[2, numbers]
    assert lead[0] > 0 > lead[-1]


def test_songs_about_something_have_lyrics(store: Store) -> None:
    vectors = _vectors()
    store.update(SONGS, _points(vectors))
    found = songs_about(store, SONGS, vectors.lyrics[5], Choice(25))
    order = [n for n in np.argsort(-(vectors.lyrics @ vectors.lyrics[5])) if n % 7]
    assert _ids(found) == [f"T{n}" for n in order][:25]


@pytest.mark.parametrize(
    ("restriction", "allowed"),
    [
        (Restriction(none_of={"artist_id": ["A1"]}), lambda n: n // 3 != 1),
        (Restriction(any_of={"tags": ["odd"]}), lambda n: n % 2 == 1),
        (Restriction(any_of={"tags": ["odd", "even"]}), lambda n: True),
        (Restriction(any_of={"heard_tags": ["soul"]}), lambda n: n % 5 != 0),
        (Restriction(between={"tempo_bpm": (80.0, 120.0)}), lambda n: n % 4 != 0 and 4 <= n <= 12),
        (Restriction(none_of={"outlier": ["nearly silent", "unlike music"]}), lambda n: n % 6 != 0),
        (Restriction(between={"year": (1975, 1980)}), lambda n: 5 <= n <= 10),
        (Restriction(between={"duration_s": (None, 110.0)}), lambda n: n <= 10),
        (Restriction(any_of={"language": ["en"]}, between={"year": (1990, None)}), lambda n: n >= 20 and n % 3 == 0),
    ],
)
def test_restrictions_are_the_engine_s(store: Store, restriction: Restriction, allowed: Callable[[int], bool]) -> None:
    store.update(SONGS, _points(_vectors()))
    found = similar_songs(store, SONGS, _held(store, 4), Ranking(0.5), Choice(30, restriction))
    assert {int(i[1:]) for i in _ids(found)} == {n for n in range(30) if allowed(n) and n != 4}


def test_at_most_so_many_of_an_artist(store: Store) -> None:
    vectors = _vectors()
    store.update(SONGS, _points(vectors))
    found = _ids(similar_songs(store, SONGS, _held(store, 4), Ranking(0.5), Choice(10, per_artist=1)))
    order = [n for n in np.argsort(-fused_scores(vectors, 0.5)[4]) if n != 4]
    first = {}
    for n in order:
        first.setdefault(n // 3, n)
    assert found == [f"T{n}" for n in first.values()][:10]


def test_at_most_so_many_of_an_album(store: Store) -> None:
    store.update(SONGS, _points(_vectors()))
    found = similar_songs(store, SONGS, _held(store, 4), Ranking(0.5), Choice(20, per_album=1))
    albums = [(n.payload["artist_id"], n.payload["release"]) for n in found]
    assert len(albums) == len(set(albums)) == 10


def test_songs_without_an_album_are_of_no_album_together(store: Store) -> None:
    singles = [replace(p, payload={**p.payload, "release": None}) for p in _points(_vectors())]
    store.update(SONGS, singles)
    assert len(similar_songs(store, SONGS, _held(store, 4), Ranking(0.5), Choice(20, per_album=1))) == 20


def test_path_under_a_limit_goes_its_whole_way(store: Store) -> None:
    store.update(SONGS, _points(_vectors()))
    steps = song_path(store, SONGS, _ends(store, 0, 29), Ranking(0.5), Choice(8, per_artist=1))
    assert len({n.payload["artist_id"] for n in steps}) == 8


def test_limits_of_a_path_count_its_ends(store: Store) -> None:
    store.update(SONGS, _points(_vectors()))
    steps = song_path(store, SONGS, _ends(store, 0, 29), Ranking(0.5), Choice(30, per_artist=2))
    artists = Counter(n.payload["artist_id"] for n in steps)
    assert artists == {"A0": 1, "A9": 1} | {f"A{n}": 2 for n in range(1, 9)}


def test_vectors_come_along_with_an_answer_where_they_are_asked_for(store: Store) -> None:
    vectors = _vectors()
    store.update(SONGS, _points(vectors))
    found = store.query(SONGS, Search(vectors.audio[0], "audio", 30, with_vectors=["lyrics"]))
    assert {n.track_id for n in found if not n.vectors} == {f"T{n}" for n in range(0, 30, 7)}
    for neighbour in found:
        if neighbour.vectors:
            assert list(neighbour.vectors) == ["lyrics"]
            expected = vectors.lyrics[int(neighbour.track_id[1:])]
            np.testing.assert_allclose(neighbour.vectors["lyrics"], expected, atol=1e-6)


def _diverse(scores: np.ndarray, likeness: np.ndarray, liked: list[int], k: int, diversity: float) -> list[str]:
    """The formula, candidate by candidate, over the hundred nearest: scores [n], likeness [n, n]."""
    candidates = [int(n) for n in np.argsort(-scores) if n not in liked and np.isfinite(scores[n])][:100]
    chosen: list[int] = []
    while len(chosen) < k:
        left = [n for n in candidates if n not in chosen]
        redundancy = [max((float(likeness[n, c]) for c in chosen), default=0.0) for n in left]
        marginal = [(1 - diversity) * float(scores[n]) - diversity * r for n, r in zip(left, redundancy, strict=True)]
        chosen.append(left[int(np.argmax(marginal))])
    return [f"T{n}" for n in chosen]


# The likeness goes by the audio's share in the queries of the liked songs: 0 and 7 have no lyrics.
@pytest.mark.parametrize(("liked", "share"), [([1], 0.6), ([0], 1.0), ([1, 2], 0.6), ([1, 7], 0.8)])
@pytest.mark.parametrize("hubness", [0.0, 1.0])
def test_diverse_choice_goes_by_the_query_s_own_weights(
    store: Store, liked: list[int], share: float, hubness: float
) -> None:
    vectors = with_hubness(_vectors(150), _vectors(150))
    store.update(SONGS, _points(vectors))
    ranking, choice = Ranking(0.6, hubness), Choice(8, diversity=0.7)
    found = _ids(similar_songs(store, SONGS, _held(store, *liked), ranking, choice))
    scores = fused_scores(vectors, 0.6, hubness)[liked].mean(axis=0)
    likeness = share * vectors.audio @ vectors.audio.T + (1 - share) * vectors.lyrics @ vectors.lyrics.T
    assert found == _diverse(scores, likeness, liked, 8, 0.7)


def test_diverse_songs_about_something_differ_in_their_lyrics(store: Store) -> None:
    vectors = _vectors(150)
    store.update(SONGS, _points(vectors))
    found = _ids(songs_about(store, SONGS, vectors.lyrics[5], Choice(8, diversity=0.7)))
    scores = np.where(vectors.lyrics.any(axis=1), vectors.lyrics @ vectors.lyrics[5], -np.inf)
    assert found == _diverse(scores, vectors.lyrics @ vectors.lyrics.T, [], 8, 0.7)


def test_diverse_choice_under_a_limit_ends(store: Store) -> None:
    store.update(SONGS, _points(_vectors()))
    found = similar_songs(store, SONGS, _held(store, 4), Ranking(0.5), Choice(20, per_artist=1, diversity=0.4))
    artists = [n.payload["artist_id"] for n in found]
    assert len(artists) == len(set(artists)) == 10


def test_diverse_choice_under_a_limit_looks_on_until_it_is_full(store: Store) -> None:
    vectors = _vectors(150)
    near = set(np.argsort(-fused_scores(vectors, 0.5)[4])[:120].tolist())
    by_one = [
        replace(p, payload={**p.payload, "artist_id": "A" if n in near else f"B{n}"})
        for n, p in enumerate(_points(vectors))
    ]
    store.update(SONGS, by_one)
    found = similar_songs(store, SONGS, _held(store, 4), Ranking(0.5), Choice(5, per_artist=1, diversity=0.4))
    assert len({n.payload["artist_id"] for n in found}) == 5


def _with_sound(points: list[Point]) -> tuple[list[Point], np.ndarray]:
    """The points with a further vector, but for each fifth, and these vectors, zeros where there is none."""
    sounds = _unit(np.random.default_rng(1), len(points), 5)
    sounds[::5] = 0
    more = [{"sound": sound} if sound.any() else {} for sound in sounds]
    return [replace(p, vectors={**p.vectors, **m}) for p, m in zip(points, more, strict=True)], sounds


def test_songs_are_found_by_their_sound_where_the_collection_has_it(store: Store) -> None:
    store.ensure_collection(OTHER, 6, 4, 5)
    points, sounds = _with_sound(_points(_vectors()))
    store.update(OTHER, points)
    wanted = _unit(np.random.default_rng(2), 1, 5)[0]
    found = store.query(OTHER, Search(wanted, "sound", 30, with_vectors=["sound"]))
    expected = {n: float(s @ wanted) for n, s in enumerate(sounds) if s.any()}
    assert _ids(found) == [f"T{n}" for n in sorted(expected, key=lambda n: -expected[n])]
    np.testing.assert_allclose(found[0].vectors["sound"], sounds[int(found[0].track_id[1:])], atol=1e-6)
    # The other questions are as without it.
    begin = store.fetch(OTHER, [point_id("T4")], with_vectors=True)
    store.update(SONGS, _points(_vectors()))
    one, two = (similar_songs(store, name, begin, Ranking(0.5), Choice(9)) for name in (OTHER, SONGS))
    assert _ids(one) == _ids(two)


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_sound_and_lyrics_are_asked_for_at_once(store: Store, weight: float) -> None:
    store.ensure_collection(OTHER, 6, 4, 5)
    vectors = _vectors()
    points, sounds = _with_sound(_points(vectors))
    store.update(OTHER, points)
    sound, words = (_unit(np.random.default_rng(3), 1, width)[0] for width in (5, 4))
    asked = {"sound": (sound, weight), "lyrics": (words, 1 - weight)}
    found = nearest_to_both(store, OTHER, asked, Choice(9, Restriction().without("track_id", ["T3"])))
    scores = weight * sounds @ sound + (1 - weight) * vectors.lyrics @ words
    scores[3] = -np.inf
    best = np.argsort(-scores)[:9]
    np.testing.assert_allclose([n.score for n in found], scores[best], atol=1e-5)
    spread = nearest_to_both(store, OTHER, asked, Choice(9, per_artist=1, diversity=0.5))
    artists = [n.payload["artist_id"] for n in spread]
    assert len(artists) == len(set(artists)) == 9


def test_alias_moves_in_one_call(store: Store) -> None:
    store.ensure_collection(OTHER, 6, 4)
    store.update(SONGS, _points(_vectors()))
    store.point_aliases({LIVE: SONGS, ALSO: SONGS})
    assert store.count(LIVE) == 30
    store.point_aliases({LIVE: OTHER})
    assert (store.aliases()[LIVE], store.aliases()[ALSO]) == (OTHER, SONGS)
    assert store.count(LIVE) == 0


def test_old_collections_are_dropped_by_their_prefix(store: Store) -> None:
    store.ensure_collection(OLD, 6, 4)
    assert store.drop_others(SONGS, keep=[SONGS]) == [OLD]
    assert OLD not in store.collections()


def test_server_that_is_named_is_for_the_contract_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:9")
    assert runpy.run_path(str(Path(__file__).with_name("conftest.py")))["SERVER"] == "http://127.0.0.1:9"
    assert "QDRANT_URL" not in os.environ


@pytest.mark.parametrize("engine", ["local", "edge"])
def test_data_outlive_the_client(engine: str, tmp_path: Path) -> None:
    for _ in range(2):
        with _open(engine, tmp_path) as store:
            store.ensure_collection(SONGS, 6, 4)
            written = store.update(SONGS, _points(_vectors())).upserted
            store.point_aliases({LIVE: SONGS})
    assert written == 0
    with _open(engine, tmp_path) as store:
        assert store.count(LIVE) == 30


def test_edge_asks_for_room_before_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _open("edge", tmp_path) as store:
        store.ensure_collection(SONGS, 6, 4)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6))
        with pytest.raises(DiskFullError, match="1 MB are free"):
            store.update(SONGS, _points(_vectors()))


def test_edge_asks_for_room_before_it_builds_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nearly_full(_: Path) -> object:
        # Enough for the points, and not for the segments beside those that are there.
        return shutil._ntuple_diskusage(10**9, 10**9 - 300_100_000, 300_100_000)

    monkeypatch.setattr(waiting_changes, "MANY", 30)
    with _open("edge", tmp_path) as store:
        store.ensure_collection(SONGS, 6, 4)
        monkeypatch.setattr(shutil, "disk_usage", nearly_full)
        monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("the index is built"))
        with pytest.raises(DiskFullError, match="300 MB are free"):
            store.update(SONGS, _points(_vectors()))
        assert store.count(SONGS) == 30


def test_process_that_builds_the_index_ends_with_the_one_that_asked() -> None:
    program = (
        "from simsong_pipeline.stores import edge_index as e; e.end_with_parent(); print(flush=True); sum(iter(int, 1))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        assert process.poll() is None
        process.stdin.close()  # as the kernel does for a process that is killed
        assert process.wait(30) == -signal.SIGIO


def test_edge_index_that_was_not_built_is_built_by_the_next_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = _points(_vectors())
    monkeypatch.setattr(waiting_changes, "MANY", 30)
    with _open("edge", tmp_path) as store:
        store.ensure_collection(SONGS, 6, 4)
        with monkeypatch.context() as patch:
            patch.setattr(type(store), "_build_index", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                store.update(SONGS, points)
        assert (tmp_path / "edge" / SONGS / "unindexed").is_file()
        assert store.update(SONGS, points).upserted == 0
        assert not (tmp_path / "edge" / SONGS / "unindexed").exists()


def test_unfinished_edge_collection_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "edge" / SONGS).mkdir(parents=True)
    (tmp_path / "edge" / SONGS / "segment.part").write_text("half")
    with _open("edge", tmp_path) as store:
        assert store.collections() == []
        store.ensure_collection(SONGS, 6, 4)
        assert store.update(SONGS, _points(_vectors())).total == 30


def test_batches_keep_to_their_bytes() -> None:
    points = _points(_vectors())
    one = sum(len(v) for v in points[1].vectors.values()) * 12 + 400
    sizes = [len(b) for b in batches(points, 5 * one)]
    assert sum(sizes) == 30
    assert max(sizes) <= 7
    assert [len(b) for b in batches(points[:3], 10)] == [1, 1, 1]


def test_absent_server_is_one_line_with_its_address(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:9 does not answer") as caught:
        QdrantStore(StoreConfig(url="http://127.0.0.1:9", timeout_s=2), tmp_path).ping()
    assert "\n" not in str(caught.value)


class _Refusing(BaseHTTPRequestHandler):
    """A server that wants another key."""

    seen: list[str | None] = []  # noqa: RUF012 (shared on purpose)

    def do_GET(self) -> None:
        self.seen.append(self.headers["api-key"])
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def refusing_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_wrong_key_is_named_as_such_and_never_shown(
    refusing_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", "s3cret-value")
    store = QdrantStore(StoreConfig(url=refusing_server), tmp_path)
    with pytest.raises(StoreError, match=r"refused: 401.*check QDRANT_API_KEY") as caught:
        store.ping()
    assert _Refusing.seen[-1] == "s3cret-value"
    assert "s3cret" not in f"{caught.value} {store!r} {vars(store)}"


def test_password_in_the_address_is_not_shown(tmp_path: Path) -> None:
    store = QdrantStore(StoreConfig(url="http://user:hidden@127.0.0.1:9"), tmp_path)
    assert store.address == "http://127.0.0.1:9"
