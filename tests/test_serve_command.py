"""`simsong serve` as people run it: it says its address, serves, and ends cleanly."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.running import address_of, listening_socket

KEY = "correct-horse-battery"


@contextmanager
def _command(workspace: Workspace, *more: str, key: str = "", columns: str = "80") -> Iterator["subprocess.Popen[str]"]:
    words = [sys.executable, "-m", "simsong_pipeline.cli.main", "serve", "--home", str(workspace.home), "--port", "0"]
    environment = {**os.environ, "COLUMNS": columns, "PYTHONUNBUFFERED": "1"}
    environment.pop("SIMSONG_API_KEY", None)
    environment |= {"SIMSONG_API_KEY": key} if key else {}
    with subprocess.Popen(
        [*words, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_its_address_serves_and_ends_without_a_trace(run_copy: Workspace, stop: signal.Signals) -> None:
    with _command(run_copy, key=KEY if stop == signal.SIGTERM else "") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"(\d+) songs of .* at (http://127\.0\.0\.1:\d+/)", line)
        assert found is not None, (line, process.stderr and process.stderr.read())
        address, headers = found[2], {"X-API-Key": KEY} if stop == signal.SIGTERM else {}
        songs = httpx.get(f"{address}api/v1/songs", params={"apiKey": KEY}, headers=headers, trust_env=False)
        assert songs.status_code == 422  # no such parameter; and nothing of it is said
        library = httpx.get(f"{address}api/v1/library", headers=headers, trust_env=False).json()
        assert library["songs"] == int(found[1])
        process.send_signal(stop)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + stop
    assert err.startswith("stopped: ")
    assert "Traceback" not in err
    assert KEY not in line + out + err
    assert not list((run_copy.home / "serving").iterdir())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="connections are dealt out by Linux")
def test_several_processes_answer_as_one(run_copy: Workspace) -> None:
    with _command(run_copy, "--workers", "2", key=KEY) as process, ExitStack() as stack:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert found is not None, process.stderr and process.stderr.read()
        clients = [stack.enter_context(httpx.Client(base_url=found[0], trust_env=False)) for _ in range(24)]
        cookie = clients[0].post("api/v1/session", json={"key": KEY}).cookies["simsong_session"]
        for client in clients:
            client.cookies.set("simsong_session", cookie)
        songs = clients[0].get("api/v1/songs", params={"limit": 24}).json()["items"]
        with ThreadPoolExecutor(8) as pool:
            put = pool.map(lambda c, s: c.put("api/v1/likes", json={"id": s["id"], "likes": True}), clients, songs)
        assert {answer.status_code for answer in put} == {200}
        liked = {song["id"] for song in songs}
        assert all(set(client.get("api/v1/likes").json()["liked"]) == liked for client in clients)
        both = [process.pid, *_children(process.pid)]
        assert len(both) == 2
        assert all(_connections(pid) > 1 for pid in both)  # which are more than the one that is listened at
        assert clients[0].delete("api/v1/session").status_code == 204
        assert {client.get("api/v1/likes").status_code for client in clients} == {401}
        os.kill(both[1], signal.SIGKILL)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "a worker ended by itself" in err
    assert not list((run_copy.home / "serving").iterdir())


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _connections(pid: int) -> int:
    """TCP sockets of a process."""
    own = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    return sum(f"socket:[{line.split()[9]}]" in own for line in lines)


def test_other_machines_need_a_key(run_copy: Workspace) -> None:
    with _command(run_copy, "--host", "0.0.0.0", columns="60") as process:
        out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "SIMSONG_API_KEY" in err
    assert not out


def test_ports_in_use_and_foreign_addresses_are_told() -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        for host, port in (("127.0.0.1", taken.getsockname()[1]), ("192.0.2.1", 0), ("no.such.host.invalid", 0)):
            with pytest.raises(SimSongError, match="--port"):
                listening_socket(host, port)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:8/"), ("::1", "http://[::1]:8/"), ("192.168.1.2", "http://192.168.1.2:8/")],
)
def test_addresses_can_be_opened(host: str, address: str) -> None:
    assert address_of(host, 8) == address
