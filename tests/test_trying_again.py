"""A Qdrant server that is busy or away is asked again for a stated time; what cannot go well is told at once."""

import json
import socket
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from loopback import Reply, reply, serve

from simsong_pipeline import retrying
from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import StoreError
from simsong_pipeline.stores import trying_again
from simsong_pipeline.stores.qdrant_store import QdrantStore


def _says(result: object) -> Reply:
    return reply(json.dumps({"result": result, "status": "ok", "time": 0.0}), kind="application/json")


_FINE = _says({"collections": [{"name": "a"}]})


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """The connection is torn down before a byte of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def _closes(handler: BaseHTTPRequestHandler) -> None:
    """The connection ends without a byte of an answer."""
    handler.close_connection = True


def _silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.6)
    handler.close_connection = True


class Moody:
    """Answers with each reply in turn, then with the last."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked, self.address = list(replies), [], ""
        self.asked: list[float] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(time.monotonic())
        one = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        one(handler)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of a hundredth, and no server that has answered before."""
    monkeypatch.setattr(retrying, "_FIRST_S", 0.01)
    monkeypatch.setattr(trying_again, "_answered", set())


def _store(server: Moody, folder: Path, retry_s: float = 20.0) -> QdrantStore:
    return QdrantStore(StoreConfig(url=server.address, retry_s=retry_s, timeout_s=1), folder)


@pytest.mark.parametrize(
    "fault", [reply("", 429), reply("", 502), reply("", 503), reply("", 504), _reset, _closes, _silent]
)
def test_what_may_go_well_is_asked_again(fault: Reply, tmp_path: Path) -> None:
    with serve(Moody(fault, fault, _FINE)) as server, _store(server, tmp_path) as store:
        assert store.collections() == ["a"]
        assert len(server.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
def test_what_cannot_go_well_is_asked_once(status: int, tmp_path: Path) -> None:
    with serve(Moody(reply("", status))) as server, _store(server, tmp_path) as store:
        with pytest.raises(StoreError, match=f"refused: {status}"):
            store.collections()
        assert len(server.asked) == 1


@pytest.mark.parametrize("body", ["{}", "[]", "null", "garbage", '{"result": 5}', '{"result": {"collections": 1}}', ""])
def test_what_is_no_qdrant_is_one_line_and_asked_once(body: str, tmp_path: Path) -> None:
    with serve(Moody(reply(body, kind="application/json"))) as server, _store(server, tmp_path) as store:
        with pytest.raises(StoreError, match="is no Qdrant") as caught:
            store.collections()
        assert len(server.asked) == 1
        assert "\n" not in str(caught.value)


def _in(seconds: float) -> Callable[[], str]:
    return lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", [lambda: "1", _in(2.0)])
def test_server_that_says_when_is_left_alone_until_then(status: int, value: Callable[[], str], tmp_path: Path) -> None:
    with serve(Moody(reply("", status, Retry_After=value()), _FINE)) as server, _store(server, tmp_path) as store:
        assert store.collections() == ["a"]
        assert server.asked[1] - server.asked[0] >= 0.95


def test_pause_beyond_the_stated_time_is_not_begun(tmp_path: Path) -> None:
    with serve(Moody(reply("", 503, Retry_After="3600"))) as server, _store(server, tmp_path, 5) as store:
        started = time.monotonic()
        with pytest.raises(StoreError, match="refused: 503"):
            store.collections()
        assert time.monotonic() - started < 2


def test_asking_ends_after_the_stated_time(tmp_path: Path) -> None:
    with serve(Moody(reply("", 503))) as server, _store(server, tmp_path, 1.0) as store:
        started = time.monotonic()
        with pytest.raises(StoreError, match="refused: 503"):
            store.collections()
        assert len(server.asked) > 3
        assert time.monotonic() - started < 5


def test_line_says_that_it_is_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serve(Moody(reply("", 503), reply("", 503), _FINE)) as server, _store(server, tmp_path) as store:
        store.collections()
    (line,) = caplog.messages
    assert "(503): trying again for 20 s at most" in line


def test_address_where_nobody_ever_answered_is_not_waited_for(tmp_path: Path) -> None:
    with serve(Moody(_FINE)) as server:
        pass
    started = time.monotonic()
    with _store(server, tmp_path) as store, pytest.raises(StoreError, match="does not answer"):
        store.collections()
    assert time.monotonic() - started < 5


def test_server_that_answered_and_went_away_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serve(Moody(_FINE)) as server:
        store = _store(server, tmp_path, 0.5)
        store.collections()
    with store, pytest.raises(StoreError, match="does not answer"):
        store.collections()
    assert "trying again" in caplog.text


def test_collection_whose_creation_lost_its_answer_is_not_created_twice(tmp_path: Path) -> None:
    made: list[str] = []

    class Creating:
        address = ""

        def answer(self, handler: BaseHTTPRequestHandler) -> None:
            length = int(handler.headers.get("Content-Length") or 0)
            handler.rfile.read(length)
            result: object = True
            if handler.path.endswith("/exists"):
                result = {"exists": bool(made)}
            elif handler.command == "PUT" and handler.path.rstrip("/").endswith("songs"):
                made.append(handler.path)
                return _reset(handler)
            elif handler.command == "PUT":
                result = {"operation_id": 1, "status": "completed"}
            return _says(result)(handler)

    with serve(Creating()) as server, _store(server, tmp_path) as store:  # type: ignore[arg-type]
        store.ensure_collection("songs", 2, 2)
    assert len(made) == 1
