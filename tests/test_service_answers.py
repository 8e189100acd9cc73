"""Answers that are at hand: as those that are searched for, and what changes is seen at the very next question."""

import json
import os
import shutil
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
from serving import Served, served

from benchmarks.service import make_home
from simsong_pipeline.asking.restricted import Answer, Named
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Neighbour
from simsong_pipeline.service.json_api.found_songs import FoundSongs
from simsong_pipeline.stores.payloads import point_id

API = "/api/v1"
SONGS = 150
QUESTIONS: list[dict[str, object]] = [
    {},
    {"k": 1},
    {"k": 63},
    {"k": 100},
    {"audio_weight": 0.2},
    {"hubness": 0.5},
    {"tag": "rock"},
    {"since": 1990, "until": 2005},
    {"with_outliers": True},
    {"per_artist": 1},
    {"exclude_artist": True},
    {"diversity": 0.3},
    {"dislike": "TR0000000000000007"},
]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A home on the embedded engine; do not change it."""
    workspace = Workspace(tmp_path_factory.mktemp("planted") / "home")
    make_home(workspace, SONGS, "edge")
    return workspace


@pytest.fixture
def home(planted: Workspace, tmp_path: Path) -> Workspace:
    """A copy that a test may change."""
    shutil.copytree(planted.home, tmp_path / "home")
    return Workspace(tmp_path / "home")


def _at_hand(running: Served) -> None:
    """Have the lists made, as they are once a state was asked often."""
    foreseen = running.service.snapshots.present.foreseen
    assert foreseen is not None
    foreseen.begin()
    foreseen.wait()
    assert foreseen.lists is not None


def _similar(client: httpx.Client, song: str, **more: object) -> list[dict[str, object]]:
    answer = client.get(f"{API}/similar", params={"like": song, **more})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["songs"]
    return found


def _published(workspace: Workspace) -> None:
    """What tells a service of a new state."""
    os.utime(workspace.home / "config.json")


def _taken_out(workspace: Workspace, song: str) -> None:
    """A night that takes a song out of the index."""
    config = workspace.load_config()
    with workspace.store(config.store) as store:
        store.delete(store.aliases()[config.store.collection], [point_id(song)])
    _published(workspace)


def _made_like(workspace: Workspace, song: str, other: str) -> None:
    """A night after which a song sounds as another one."""
    config = workspace.load_config()
    with workspace.store(config.store) as store:
        name = store.aliases()[config.store.collection]
        own, model = store.fetch(name, [point_id(song), point_id(other)], with_vectors=True)
        store.upsert(name, [replace(own, vectors=model.vectors)])
    _published(workspace)


def _song(number: int) -> str:
    return f"TR{number:016d}"


def test_answers_at_hand_are_those_that_are_searched_for(planted: Workspace) -> None:
    with served(planted, read_only=True) as running, running.client() as client:
        songs = [_song(n) for n in (0, 7, 70, SONGS - 1)]

        def every() -> list[dict[str, object]]:
            return [client.get(f"{API}/similar", params={"like": s, **q}).json() for s in songs for q in QUESTIONS]

        searched = every()
        _at_hand(running)
        before = _searches(running)
        assert len(_similar(client, songs[0], k=40)) == 40
        assert _searches(running) == before
        for one, other in zip(every(), searched, strict=True):
            assert _scores(one) == pytest.approx(_scores(other), abs=1e-6)
            assert _without_scores(one) == _without_scores(other)


def _searches(running: Served) -> float | None:
    return running.service.metrics.registry.get_sample_value("simsong_index_seconds_count", {"operation": "query"})


def _scores(answer: dict[str, object]) -> list[float]:
    return [song["score"] for song in answer["songs"]]  # type: ignore[attr-defined]


def _without_scores(answer: dict[str, object]) -> dict[str, object]:
    songs = [{n: v for n, v in song.items() if n != "score"} for song in answer["songs"]]  # type: ignore[attr-defined]
    return {**answer, "songs": songs}


def test_what_is_never_to_be_suggested_leaves_answers_at_hand(home: Workspace) -> None:
    with served(home) as running, running.client() as client:
        _at_hand(running)
        asked = {"like": _song(3), "k": 40}
        before = client.get(f"{API}/similar", params=asked)
        songs = before.json()["songs"]
        first, artist = songs[0]["id"], songs[1]["artist_id"]
        for line, hidden in (
            ({"id": first}, {first}),
            ({"what": "artist", "id": artist}, {s["id"] for s in songs if s["artist_id"] == artist}),
            (None, {first}),
        ):
            if line is None:
                (home.home / "never.txt").write_text(f"{first}\n", encoding="utf-8")  # by hand
            else:
                assert client.put(f"{API}/never", json=line).status_code == 200
            after = client.get(f"{API}/similar", params=asked, headers={"if-none-match": before.headers["etag"]})
            assert after.status_code == 200
            found = [song["id"] for song in after.json()["songs"]]
            assert found[: 40 - len(hidden)] == [song["id"] for song in songs if song["id"] not in hidden]
            assert len(found) == 40
            (home.home / "never.txt").unlink()
            assert client.get(f"{API}/similar", params=asked).json() == before.json()


@pytest.mark.slow
def test_what_a_night_publishes_is_in_answers_at_hand(home: Workspace) -> None:
    with served(home, swap_wait_s=60) as running, running.client() as client:
        _at_hand(running)
        one = _song(3)
        gone, *others = [str(song["id"]) for song in _similar(client, one, k=20)]
        _taken_out(home, gone)
        assert [song["id"] for song in _similar(client, one, k=19)] == others
        _at_hand(running)
        _made_like(home, others[-1], one)
        assert _similar(client, one)[0]["id"] == others[-1]
        _at_hand(running)
        renamed = pl.when(pl.col("track_id") == others[-1]).then(pl.lit("Another")).otherwise("title").alias("title")
        home.write("tracks", home.read("tracks").with_columns(renamed))
        assert _similar(client, one)[0]["title"] == "Another"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="connections are dealt out by Linux")
def test_each_process_sees_what_changes(home: Workspace) -> None:
    with served(home, processes=2, foresee_after=1, swap_wait_s=60) as running, ExitStack() as stack:
        clients = [stack.enter_context(running.client()) for _ in range(20)]

        def asked() -> set[tuple[str, ...]]:
            return {tuple(str(song["id"]) for song in _similar(client, _song(5), k=12)) for client in clients}

        for _ in range(3):  # in the course of which each of both makes its lists
            ((first, second, *others),) = asked()
        assert clients[0].put(f"{API}/never", json={"id": first}).status_code == 200
        ((*found,),) = asked()
        assert found[:-1] == [second, *others]
        _taken_out(home, second)
        ((*found,),) = asked()
        assert found[:-2] == others
        (home.home / "never.txt").unlink()
        ((*found,),) = asked()
        assert found[:-1] == [first, *others]


def test_the_first_question_to_few_songs_is_at_hand(planted: Workspace) -> None:
    with served(planted, read_only=True) as running:
        foreseen = running.service.snapshots.present.foreseen
        assert foreseen is not None
        assert foreseen.lists is not None


def test_json_of_kept_songs_is_that_of_the_answer(planted: Workspace) -> None:
    said = 'a "score":0.0,"songs":[] \\ \u2028 é \x00'
    payload = {"title": said, "artist": said, "tags": [said, '"'], "language": None, "tempo_bpm": 1e-7}
    scores = [0.0, -0.0, 1.0, 0.1 + 0.2, 5e-05, -1e-12, float(np.float32(0.7)), float("nan")]
    with served(planted, read_only=True) as running:
        snapshot = replace(running.service.snapshots.present, rows={})
        for _ in range(2):  # the second time of what is kept
            near = [
                Neighbour(f"T{n % 3}", score, {**payload, "track_id": f"T{n % 3}"}) for n, score in enumerate(scores)
            ]
            near.append(Neighbour(_song(1), 0.5, {"tags": None}))
            found = FoundSongs(snapshot, Answer([Named("T0", said)], near, said), [said], 0.25)
            assert found.as_json() == found.shape().model_dump_json().encode()
            assert json.loads(found.as_json())["songs"][0]["title"] == said
        assert snapshot.rows.keys() == {"T0", "T1", "T2", _song(1)}
        nothing = FoundSongs(snapshot, Answer([], [], said), [], None)
        assert nothing.as_json() == nothing.shape().model_dump_json().encode()
