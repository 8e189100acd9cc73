"""Clients that are many, slow, rude or gone: a clear answer or none, never a 500, and the next client is answered."""

import logging
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from serving import Served, served

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service import running as server

API = "/api/v1"
KEY = "correct-horse-battery"


def _first(served_sample: Served) -> str:
    with served_sample.client() as client:
        return str(client.get(f"{API}/songs", params={"limit": 1}).json()["items"][0]["id"])


def _fine(served_sample: Served) -> bool:
    with served_sample.client() as client:
        return client.get(f"{API}/health").status_code == 200


def _request(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


def test_two_hundred_clients_at_once_are_all_answered(served_sample: Served) -> None:
    song, ready = _first(served_sample), threading.Barrier(200)

    def ask(number: int) -> int:
        ready.wait(60)
        with served_sample.client() as client:
            asked = {"like": song, "k": 5, "audio_weight": number / 200}
            return client.get(f"{API}/similar", params=asked).status_code

    with ThreadPoolExecutor(200) as pool:
        assert set(pool.map(ask, range(200))) == {200}
    assert served_sample.service.snapshots.present.users == 0


def test_more_connections_than_are_allowed_are_told_so(run_copy: Workspace) -> None:
    with served(run_copy, max_connections=5) as running:
        opened = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(6)]
        time.sleep(0.2)
        opened[-1].sendall(_request(f"{API}/health"))
        opened[-1].settimeout(10)
        assert opened[-1].recv(100).startswith(b"HTTP/1.1 503")
        for one in opened:
            one.close()
        time.sleep(0.3)
        assert _fine(running)


def test_a_client_that_leaves_in_the_midst_of_a_stream_or_takes_nothing_costs_nobody_anything(
    served_sample: Served,
) -> None:
    path = f"{API}/songs/{_first(served_sample)}/stream"
    stuck = [socket.create_connection(("127.0.0.1", served_sample.port)) for _ in range(20)]
    for one in stuck:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        one.sendall(_request(path))
    for _ in range(5):
        leaving = socket.create_connection(("127.0.0.1", served_sample.port))
        leaving.sendall(_request(path))
        assert leaving.recv(10).startswith(b"HTTP/1.1 2")
        leaving.close()
    assert _fine(served_sample)
    for one in stuck:
        one.close()
    ends = time.monotonic() + 10
    while served_sample.service.snapshots.present.users and time.monotonic() < ends:
        time.sleep(0.05)
    assert served_sample.service.snapshots.present.users == 0


def test_headers_that_drip_or_do_not_end_are_cut_off(run_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HEADER_S", 0.4)
    with served(run_copy) as running:
        dripping = socket.create_connection(("127.0.0.1", running.port))
        dripping.settimeout(10)
        dripping.sendall(b"GET / HTTP/1.1\r\nHost: 127")
        began = time.monotonic()
        assert dripping.recv(10) == b""
        assert time.monotonic() - began < 5
        endless = socket.create_connection(("127.0.0.1", running.port))
        endless.settimeout(10)
        with pytest.raises(OSError, match=r"(?i)reset|broken|closed"):  # noqa: PT012 - whichever write meets the end
            endless.sendall(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(1_000):
                endless.sendall(b"x" * 65_536)
                time.sleep(0.001)
        dripping.close()
        endless.close()
        assert _fine(running)


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(served_sample: Served, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served_sample.port)) as client:
        client.settimeout(10)
        client.sendall(said)
        assert client.recv(100)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 421", b"")
    assert _fine(served_sample)


def test_slow_and_large_bodies_are_refused(run_copy: Workspace) -> None:
    with served(run_copy, body_timeout_s=0.3, max_body_bytes=10_000) as running:
        with socket.create_connection(("127.0.0.1", running.port)) as slow:
            slow.settimeout(10)
            slow.sendall(f"POST {API}/similar HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{".encode())
            assert slow.recv(100).startswith(b"HTTP/1.1 408")
        with running.client() as client:
            assert client.post(f"{API}/similar", content=b" " * 20_000).status_code == 413
            assert client.post(f"{API}/similar", content=iter([b" " * 6_000] * 5)).status_code == 413


def test_no_key_is_ever_logged(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SIMSONG_API_KEY", KEY)
    with caplog.at_level(logging.DEBUG), served(run_copy) as running:
        for address in (f"{API}/library", f"{API}/none", "/rest/ping.view"):
            for more in ({}, {"authorization": f"Bearer {KEY}"}):
                httpx.get(f"{running.url}{address}?apiKey={KEY}&p={KEY}", headers=more, trust_env=False)
        with socket.create_connection(("127.0.0.1", running.port)) as broken:
            broken.sendall(f"GET /?apiKey={KEY}\r\n\r\n".encode())
    said = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore")))
    assert KEY not in said


def test_a_page_shows_the_key_once(run_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMSONG_API_KEY", KEY)
    with served(run_copy) as running, running.client() as client:
        assert client.get(f"{API}/health").json()["needs_key"] is True
        assert client.get(f"{API}/library").status_code == 401
        assert client.post(f"{API}/session", json={"key": "wrong-key"}).status_code == 401
        begun = client.post(f"{API}/session", json={"key": KEY})
        assert begun.status_code == 204
        assert {"HttpOnly", "SameSite=strict"} <= {p.strip() for p in begun.headers["set-cookie"].split(";")}
        assert KEY not in begun.headers["set-cookie"]
        song = client.get(f"{API}/songs", params={"limit": 1}).json()["items"][0]["id"]
        assert client.get(f"{API}/songs/{song}/stream").status_code == 200
        foreign = {"origin": "http://evil.example"}
        assert client.put(f"{API}/likes", json={"id": song, "likes": True}, headers=foreign).status_code == 403
        client.delete(f"{API}/session")
        client.cookies.clear()
        assert client.get(f"{API}/library").status_code == 401


def test_links_out_of_the_music_are_no_streams(run_copy: Workspace, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"RIFF secret")
    with served(run_copy) as running, running.client() as client:
        library = running.service.snapshots.present.library
        path = Path(str(library.songs["path"][0]))
        song = str(library.songs["id"][0])
        aside = tmp_path / path.name
        shutil.move(path, aside)
        try:
            path.symlink_to(secret)
            answer = client.get(f"{API}/songs/{song}/stream")
            assert answer.status_code == 404
            assert b"secret" not in answer.content
            assert client.get(f"{API}/songs/{song}/cover").status_code == 200
            assert client.get(f"{API}/songs/{song}").json()["file"] is None
            path.unlink()
            assert client.get(f"{API}/songs/{song}/stream").status_code == 404
        finally:
            path.unlink(missing_ok=True)
            shutil.move(aside, path)
