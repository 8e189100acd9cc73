"""Dagster's interface as the README starts it: it comes up, has its code locations, and ends when it is told to."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_LOCATIONS = """{workspaceOrError {... on Workspace {locationEntries {name locationOrLoadError {__typename}}}}}"""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _loaded(port: int) -> dict[str, str]:
    """Code locations and what became of loading them; none while the server does not answer."""
    url, asked = f"http://127.0.0.1:{port}/graphql", json.dumps({"query": _LOCATIONS}).encode()
    try:
        request = urllib.request.Request(url, asked, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            entries = json.loads(answer.read())["data"]["workspaceOrError"]["locationEntries"]
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return {}
    return {entry["name"]: (entry["locationOrLoadError"] or {}).get("__typename", "loading") for entry in entries}


def _beside(program: str) -> str:
    return str(Path(sys.executable).with_name(program))


def _by_make(folder: Path, port: int) -> list[str]:
    """The target, over the environment of the tests in place of one that it makes."""
    (folder / "environment").mkdir()
    (folder / "environment" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / "environment" / ".installed").touch()
    given = [f"VENV={folder / 'environment'}", f"DAGSTER_PORT={port}", f"DAGSTER_FOLDER={folder / 'instance'}"]
    return ["make", "dagster", *given]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "locations"), [(("make", "dagster"), 2), (("dg", "dev"), 1)], ids=["make", "dg"])
def test_servers_of_the_document_come_up(tmp_path: Path, command: tuple[str, str], locations: int) -> None:
    port = _free_port()
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path), "SIMSONG_HOME": str(tmp_path / "home")}
    environment |= {"DAGSTER_DISABLE_TELEMETRY": "true", "NO_COLOR": "1"}
    words = _by_make(tmp_path, port) if command[0] == "make" else [_beside("dg"), "dev", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            words, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            limit = time.monotonic() + 240
            while set((found := _loaded(port)).values()) != {"RepositoryLocation"} or len(found) < locations:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < limit, (found, log.read_text())
                time.sleep(1)
            os.killpg(server.pid, signal.SIGINT)  # as a terminal's Ctrl-C
            server.wait(60)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()
    assert re.findall(r"\w+Warning", log.read_text()) == []
