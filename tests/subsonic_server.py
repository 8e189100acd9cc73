"""Supysonic, a music server of Subsonic's kind, as a process of its own over a folder of music."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

USER, PASSWORD = "alice", "c4nary sub+sonic/pä"
_CONF = """[base]
database_uri = sqlite:///{folder}/supysonic.db
[webapp]
cache_dir = {folder}/cache
log_level = WARNING
mount_webui = no
[daemon]
socket = {folder}/daemon.sock
"""


@dataclass(frozen=True)
class Supysonic:
    """A running server; `scan` lets it look at its music again."""

    url: str
    music: Path
    folder: Path

    def scan(self) -> None:
        """Through its own command, as its owner does."""
        _command(self.folder, "folder", "scan", "--foreground")

    def ask(self, method: str, **parameters: object) -> dict[str, object]:
        """One question, as any client asks it."""
        shared = {"u": USER, "p": PASSWORD, "c": "test", "v": "1.12.0", "f": "json"}
        answer = httpx.post(f"{self.url}/rest/{method}.view", data={**shared, **parameters}, trust_env=False)
        said: dict[str, object] = answer.json()["subsonic-response"]
        assert said["status"] == "ok", said
        return said

    def songs(self) -> dict[str, str]:
        """Ids by path."""
        found = self.ask("search3", query="", songCount=1_000)["searchResult3"]
        return {song["path"]: song["id"] for song in found["song"]}


def _environment(folder: Path) -> dict[str, str]:
    """Its settings are looked for in the working folder and in that of the user."""
    return {**os.environ, "HOME": str(folder), "PYTHONWARNINGS": "ignore"}


def _command(folder: Path, *arguments: str) -> None:
    run = [sys.executable, "-c", "from supysonic.cli import main; main()", *arguments]
    done = subprocess.run(
        run, cwd=folder, env=_environment(folder), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def supysonic(folder: Path, music: Path) -> Iterator[Supysonic]:
    """A server that has scanned a folder of music."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "supysonic.conf").write_text(_CONF.format(folder=folder))
    _command(folder, "user", "add", USER, "-p", PASSWORD)
    _command(folder, "folder", "add", "music", str(music))
    _command(folder, "folder", "scan", "--foreground")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = [sys.executable, "-m", "flask", "--app", "supysonic.web:create_application", "run", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(run, cwd=folder, env=_environment(folder), stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, folder / "log")
        yield Supysonic(url, music, folder)
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{url}/rest/ping.view", trust_env=False)
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.05)
        else:
            return
