"""Collections of a Qdrant server: what they are made with, when they may be served, what is kept of those that go."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from qdrant_server import Fault, QdrantServer
from test_store import SONGS, _points, _vectors

from simsong_pipeline.config import HnswConfig, QuantizationConfig, StoreConfig
from simsong_pipeline.errors import RawDataError, StoreError
from simsong_pipeline.files import read_json_object
from simsong_pipeline.points import Point, Search
from simsong_pipeline.stores import settling
from simsong_pipeline.stores.ignored_settings import ignored_settings
from simsong_pipeline.stores.opening import open_store
from simsong_pipeline.stores.qdrant_connection import TooLargeError
from simsong_pipeline.stores.qdrant_store import QdrantStore
from simsong_pipeline.stores.settling import Collection, State, wait_until_served

LARGE: dict[str, Any] = {
    "shard_number": 6,
    "replication_factor": 2,
    "write_consistency_factor": 2,
    "vectors_on_disk": True,
    "payload_on_disk": True,
    "quantization": QuantizationConfig(kind="int8", quantile=0.95, oversampling=3.0),
    "hnsw": HnswConfig(m=24, ef_construct=200, on_disk=True),
}


def _store(server: QdrantServer, home: Path, **settings: Any) -> QdrantStore:
    return QdrantStore(StoreConfig(url=server.address, **settings), home / "qdrant")


def test_a_collection_is_made_with_what_is_configured(server: QdrantServer, tmp_path: Path) -> None:
    with _store(server, tmp_path, **LARGE) as store:
        store.ensure_collection(SONGS, 6, 4)
    made = server.settings[SONGS]
    assert (made["shard_number"], made["replication_factor"], made["write_consistency_factor"]) == (6, 2, 2)
    assert made["on_disk_payload"] is True
    assert {name: vector["on_disk"] for name, vector in made["vectors"].items()} == dict.fromkeys(
        ("audio", "lyrics", "song"), True
    )
    assert made["hnsw_config"] == {"m": 24, "ef_construct": 200, "on_disk": True}
    assert made["quantization_config"] == {"scalar": {"type": "int8", "quantile": 0.95, "always_ram": True}}


def test_what_is_not_configured_is_left_to_the_server(server: QdrantServer, tmp_path: Path) -> None:
    with _store(server, tmp_path) as store:
        store.ensure_collection(SONGS, 6, 4)
    made = {name: value for name, value in server.settings[SONGS].items() if value is not None}
    assert set(made) == {"vectors"}


@pytest.mark.parametrize("before", [{}, LARGE])
def test_a_collection_that_is_there_is_brought_to_what_is_configured(
    before: dict[str, Any], server: QdrantServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    after = {} if before else {name: value for name, value in LARGE.items() if name != "shard_number"}
    with _store(server, tmp_path, **before) as store:
        store.ensure_collection(SONGS, 6, 4)
        store.update(SONGS, _points(_vectors()))
    with _store(server, tmp_path, **after) as store:
        store.ensure_collection(SONGS, 6, 4)
        changes = len([asked for asked in server.asked if asked.startswith("PATCH")])
        store.ensure_collection(SONGS, 6, 4)
        assert len([asked for asked in server.asked if asked.startswith("PATCH")]) == changes == 1
        assert store.count(SONGS) == 30
    now = server.settings[SONGS]
    assert ("quantization_config" in now) is bool(after)
    assert {bool(vector["on_disk"]) for vector in now["vectors"].values()} == {bool(after)}
    assert caplog.text == ""


def test_other_shards_are_a_word_because_they_cannot_be_changed(
    server: QdrantServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for shards in (2, 3):
        with _store(server, tmp_path, shard_number=shards) as store:
            store.ensure_collection(SONGS, 6, 4)
    assert "made with 2 shards, and shard_number is 3" in caplog.text
    assert server.settings[SONGS]["shard_number"] == 2


@pytest.mark.parametrize("rescore", [True, False])
def test_questions_ask_for_the_true_vectors_as_configured(rescore: bool, server: QdrantServer, tmp_path: Path) -> None:
    small = QuantizationConfig(kind="int8", rescore=rescore, oversampling=3.0)
    for quantization, wanted in ((small, {"rescore": rescore, "oversampling": 3.0}), (QuantizationConfig(), None)):
        with _store(server, tmp_path, quantization=quantization) as store:
            store.ensure_collection(SONGS, 6, 4)
            store.update(SONGS, _points(_vectors()))
            store.query(SONGS, Search(np.ones(6, np.float32), "audio", 3))
        params = server.params[-1] or {}
        asked = params.get("quantization")
        assert (asked and {name: asked[name] for name in ("rescore", "oversampling")}) == wanted
        assert params["hnsw_ef"] >= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"write_consistency_factor": 2}, "there are 1 copies"),
        ({"write_consistency_factor": 3, "replication_factor": 2}, "there are 2 copies"),
        ({"shard_number": 0}, "greater than or equal to 1"),
        ({"quantization": {"kind": "int4"}}, "'none' or 'int8'"),
        ({"quantization": {"kind": "int8", "quantile": 1.5}}, "less than or equal to 1"),
        ({"quantization": {"oversampling": 0.5}}, "greater than or equal to 1"),
        ({"hnsw": {"m": 1}}, "greater than or equal to 4"),
        ({"hnsw": {"ef": 100}}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StoreConfig(**settings)


def test_a_wrong_setting_in_a_file_is_one_line(tmp_path: Path) -> None:
    from simsong_pipeline.config import PipelineConfig
    from simsong_pipeline.home.settings import read_config

    (tmp_path / "large.toml").write_text("[store]\nreplication_factor = 2\nwrite_consistency_factor = 3\n")
    with pytest.raises(RawDataError, match=r"'store'.*so many can never confirm a write") as caught:
        read_config(tmp_path / "large.toml", PipelineConfig(), {})
    assert "\n" not in str(caught.value)


def test_embedded_engines_name_what_they_leave_aside() -> None:
    servers = ["shard_number", "replication_factor", "write_consistency_factor"]
    assert ignored_settings(StoreConfig(engine="edge", **LARGE)) == servers
    assert ignored_settings(StoreConfig(**LARGE)) == [
        *servers,
        "vectors_on_disk",
        "payload_on_disk",
        "quantization",
        "hnsw",
    ]
    assert ignored_settings(StoreConfig()) == []


def test_the_embedded_engine_keeps_small_vectors_as_well_and_finds_the_same(tmp_path: Path) -> None:
    points, found = _points(_vectors()), []
    for number, settings in enumerate(({}, LARGE)):
        with open_store(StoreConfig(engine="edge", **settings), tmp_path / str(number)) as store:
            store.ensure_collection(SONGS, 6, 4)
            store.update(SONGS, points)
            found.append([n.track_id for n in store.query(SONGS, Search(points[3].vectors["song"], "song", 20))])
    assert found[0] == found[1]
    made = read_json_object(tmp_path / "1" / "edge" / SONGS / "edge_config.json")
    assert '"quantile": 0.95' in json.dumps(made["vectors"]["song"])
    assert (made["hnsw_config"]["m"], made["hnsw_config"]["ef_construct"]) == (24, 200)


@pytest.mark.parametrize("engine", ["local", "edge"])
def test_an_embedded_collection_that_counts_others_is_not_served(engine: Any, tmp_path: Path) -> None:
    with open_store(StoreConfig(engine=engine), tmp_path) as store:
        store.ensure_collection(SONGS, 6, 4)
        store.update(SONGS, _points(_vectors()))
        store.settle(SONGS, 30)
        with pytest.raises(StoreError, match="holds 30 songs after the update in place of 31"):
            store.settle(SONGS, 31)


def _settle(states: list[State], songs: int = 5, wait_s: float = 0.2) -> list[str]:
    """Wait for a collection that is in each state in turn, then in the last; what was done for it."""
    done: list[str] = []

    def look() -> State:
        done.append("look")
        return states.pop(0) if len(states) > 1 else states[0]

    collection = Collection("songs", "http://host", look, lambda: done.append("wake"))
    wait_until_served(collection, songs, wait_s, lambda _: done.append("told"))
    return done


GREEN, YELLOW, GREY = State("green", "", 5), State("yellow", "", 5), State("grey", "", 5)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_FIRST_S", 0.001)


@pytest.mark.usefixtures("quick")
def test_a_collection_is_waited_for_until_it_is_green_and_whole() -> None:
    assert _settle([GREEN]) == ["look"]
    assert _settle([YELLOW, YELLOW, GREEN]) == ["look", "told", "look", "look"]
    assert _settle([State("green", "", 4), GREEN]).count("look") == 2


@pytest.mark.usefixtures("quick")
def test_a_grey_collection_is_woken_once() -> None:
    assert _settle([GREY, GREY, YELLOW, GREEN]).count("wake") == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("state", [YELLOW, GREY, State("green", "", 4), State("green", "", 6)])
def test_a_collection_that_does_not_get_there_is_told_after_the_stated_time(state: State) -> None:
    with pytest.raises(StoreError, match=r"'songs' at http://host is not green with 5 songs after 0\.2 s"):
        _settle([state])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("state", [State("red", "", 5), State("green", "optimizer: no space", 5)])
def test_a_collection_that_failed_is_not_waited_for(state: State) -> None:
    with pytest.raises(StoreError, match="is not well"):
        _settle([YELLOW, state, GREEN], wait_s=60)


def _fill(store: QdrantStore, *names: str) -> list[Point]:
    points = _points(_vectors())
    for name in names:
        store.ensure_collection(name, 6, 4)
        store.update(name, points)
    return points


def test_snapshots_of_dropped_collections_are_kept_the_last_ones(server: QdrantServer, tmp_path: Path) -> None:
    with _store(server, tmp_path, keep_snapshots=2) as store:
        for number in range(4):
            _fill(store, f"songs_{number}", "other_1")
            assert store.drop_others("songs_", keep=[]) == [f"songs_{number}"]
    kept = sorted((tmp_path / "snapshots").iterdir())
    assert [path.name for path in kept] == ["songs_2.snapshot", "songs_3.snapshot"]
    assert list(server.local.collections) == ["other_1"]
    assert not any(server.snapshots.values())  # nothing is left on the server, where nobody could ask for it


def test_a_kept_snapshot_is_the_collection(server: QdrantServer, tmp_path: Path) -> None:
    with _store(server, tmp_path) as store:
        _fill(store, "songs_1")
        before = server.points("songs_1")
        store.drop_others("songs_", keep=[])
        path = tmp_path / "snapshots" / "songs_1.snapshot"
        store.snapshots().send("songs_1", path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert server.points("songs_1") == before
    assert not any(server.snapshots.values())


@pytest.mark.parametrize(("status", "at"), [(500, "POST .*/snapshots"), (507, "GET .*snapshot")])
def test_a_collection_of_which_no_snapshot_can_be_kept_stays(
    status: int, at: str, server: QdrantServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _store(server, tmp_path) as store:
        _fill(store, "songs_1")
        server.plan = [Fault(status, at, times=9)]
        assert store.drop_others("songs_", keep=[]) == []
        assert "songs_1" in store.collections()
    assert "'songs_1' stays at" in caplog.text


@pytest.mark.parametrize("kind", ["lost", "torn", 503])
def test_a_snapshot_whose_answer_was_lost_leaves_nothing_behind(
    kind: Any, server: QdrantServer, tmp_path: Path
) -> None:
    with _store(server, tmp_path) as store:
        _fill(store, "songs_1")
        server.plan = [Fault(kind, at="(POST|GET) .*/snapshots.*", times=3)]
        assert store.drop_others("songs_", keep=[]) == ["songs_1"]
    assert not any(server.snapshots.values())
    assert (tmp_path / "snapshots" / "songs_1.snapshot").stat().st_size > 1_000


def test_snapshots_that_come_damaged_are_refused(
    server: QdrantServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _store(server, tmp_path) as store:
        _fill(store, "songs_1")
        monkeypatch.setattr(server, "_described", lambda which, _: {"name": which, "size": 1, "checksum": "0" * 64})
        with pytest.raises(StoreError, match="came damaged"):
            store.snapshots().fetch("songs_1", tmp_path / "one.snapshot")
    assert not (tmp_path / "one.snapshot").exists()


def test_a_cluster_s_snapshots_are_each_node_s_own(
    server: QdrantServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.peers = 3
    with _store(server, tmp_path) as store:
        _fill(store, "songs_1")
        assert store.drop_others("songs_", keep=[]) == ["songs_1"]
    assert "is a cluster" in caplog.text
    assert not (tmp_path / "snapshots").exists()


def test_no_snapshots_are_kept_where_none_are_wanted(server: QdrantServer, tmp_path: Path) -> None:
    with _store(server, tmp_path, keep_snapshots=0) as store:
        _fill(store, "songs_1")
        store.drop_others("songs_", keep=[])
    assert not [asked for asked in server.asked if "snapshot" in asked]


def test_bodies_that_are_too_large_are_halved_until_they_fit(server: QdrantServer, tmp_path: Path) -> None:
    with _store(server, tmp_path) as store:
        server.most_bytes = 3_000
        _fill(store, SONGS)
        assert store.count(SONGS) == 30
        server.most_bytes = 300
        with pytest.raises(TooLargeError, match="413, more than it takes at once: raise its max_request_size_mb"):
            store.upsert(SONGS, _points(_vectors())[:2])


def test_many_songs_are_deleted_in_parts(server: QdrantServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from simsong_pipeline.stores import qdrant_store

    monkeypatch.setattr(qdrant_store, "_IDS_TOGETHER", 7)
    with _store(server, tmp_path) as store:
        points = _fill(store, SONGS)
        store.delete(SONGS, [point.point_id for point in points[:20]])
        assert store.count(SONGS) == 10
    assert len([asked for asked in server.asked if asked.endswith("/points/delete")]) == 3
