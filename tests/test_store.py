"""Qdrant, embedded for real and as a server that refuses: loopback HTTP stands for the refusals only."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import StoreError, UnknownSongError
from simsong_pipeline.evaluation.fusion import SongVectors, fused_scores
from simsong_pipeline.recommend import Point, similar_songs, song_vector
from simsong_pipeline.stores.payloads import point_id
from simsong_pipeline.stores.qdrant_store import QdrantStore, _batches


def _unit(rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    vectors = rng.normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _vectors(n: int = 30) -> SongVectors:
    rng = np.random.default_rng(0)
    lyrics = _unit(rng, n, 4)
    lyrics[::7] = 0
    return SongVectors(_unit(rng, n, 6), lyrics)


def _points(vectors: SongVectors, version: str = "v1") -> list[Point]:
    points = []
    for n, (audio, words) in enumerate(zip(vectors.audio, vectors.lyrics, strict=True)):
        named = {"audio": audio} | ({"lyrics": words} if words.any() else {})
        named["song"] = song_vector(audio, named.get("lyrics"), 4)
        payload = {"track_id": f"T{n}", "artist_id": f"A{n // 3}", "content_hash": f"c{n}", "payload_hash": f"p{n}"}
        points.append(Point(point_id(f"T{n}"), named, payload | {"model_version": version}))
    return points


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QdrantStore]:
    monkeypatch.delenv("QDRANT_URL", raising=False)
    with QdrantStore(StoreConfig(), tmp_path / "qdrant") as opened:
        opened.ensure_collection("songs", 6, 4)
        yield opened


def test_second_update_writes_nothing(store: QdrantStore) -> None:
    points = _points(_vectors())
    first, second = store.update("songs", points), store.update("songs", points)
    assert (first.upserted, first.total) == (30, 30)
    assert (second.upserted, second.deleted, second.total) == (0, 0, 30)


def test_only_changed_points_are_written_and_vanished_ones_deleted(store: QdrantStore) -> None:
    points = _points(_vectors())
    store.update("songs", points)
    changed = Point(points[3].point_id, points[3].vectors, {**points[3].payload, "payload_hash": "new"})
    change = store.update("songs", [*points[:3], changed, *points[4:-2]])
    assert (change.upserted, change.deleted, change.total) == (1, 2, 28)


@pytest.mark.parametrize("left", [0, 10])
def test_shrunken_catalogue_does_not_wipe_the_collection(store: QdrantStore, left: int) -> None:
    points = _points(_vectors())
    store.update("songs", points)
    with pytest.raises(StoreError, match="nothing was changed"):
        store.update("songs", points[:left])
    assert store.count("songs") == 30


@pytest.mark.parametrize("weight", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("query", [0, 1])  # 0 has no lyrics
def test_neighbours_are_those_of_the_exact_fused_scores(store: QdrantStore, weight: float, query: int) -> None:
    vectors = _vectors()
    store.update("songs", _points(vectors))
    found = similar_songs(store, "songs", point_id(f"T{query}"), 10, weight)
    scores = fused_scores(vectors, weight)[query]
    expected = [n for n in np.argsort(-scores) if n != query][:10]
    assert [n.track_id for n in found] == [f"T{n}" for n in expected]
    np.testing.assert_allclose([n.score for n in found], scores[expected], atol=1e-5)


def test_songs_of_the_same_artist_can_be_left_out(store: QdrantStore) -> None:
    store.update("songs", _points(_vectors()))
    found = similar_songs(store, "songs", point_id("T4"), 29, 0.5, exclude_artist=True)
    assert len(found) == 27
    assert not {"T3", "T4", "T5"} & {n.track_id for n in found}


def test_song_that_is_not_indexed_is_an_error(store: QdrantStore) -> None:
    with pytest.raises(UnknownSongError, match="does not hold this song"):
        similar_songs(store, "songs", point_id("nobody"), 3, 0.5)


def test_alias_moves_in_one_call(store: QdrantStore) -> None:
    store.ensure_collection("other", 6, 4)
    store.update("songs", _points(_vectors()))
    store.point_aliases({"live": "songs", "also": "songs"})
    assert store.count("live") == 30
    store.point_aliases({"live": "other"})
    assert store.aliases() == {"live": "other", "also": "songs"}


def test_data_outlive_the_client(tmp_path: Path) -> None:
    for _ in range(2):
        with QdrantStore(StoreConfig(), tmp_path / "q") as store:
            store.ensure_collection("songs", 6, 4)
            written = store.update("songs", _points(_vectors())).upserted
    assert written == 0


# The client forgets to close its lock file when it finds it taken.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_folder_in_use_is_named(store: QdrantStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="in use by another process"):
        QdrantStore(StoreConfig(), tmp_path / "qdrant")


def test_batches_keep_to_their_bytes() -> None:
    points = _points(_vectors())
    one = sum(len(v) for v in points[1].vectors.values()) * 12 + 200
    sizes = [len(b) for b in _batches(points, 5 * one)]
    assert sum(sizes) == 30
    assert max(sizes) <= 6
    assert [len(b) for b in _batches(points[:3], 10)] == [1, 1, 1]


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
