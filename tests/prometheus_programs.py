"""Programs of Prometheus, as the system's packages bring them, and the project's files that they read."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

PACKAGES = ("prometheus", "prometheus-node-exporter", "prometheus-pushgateway")
FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "prometheus"
ALERTS = FOLDER / "alerts.yaml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
]


def program(name: str) -> str:
    """A program of Prometheus, or of what it scrapes; the test is skipped where it is missing."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt install {' '.join(PACKAGES)}")
    return found


def promtool(*words: str, said: str | None = None) -> "subprocess.CompletedProcess[str]":
    """What promtool says to some words, and to a text on its standard input."""
    return subprocess.run([program("promtool"), *words], input=said, capture_output=True, text=True, check=False)


def configuration(name: str, folder: Path, keys: str, targets: dict[str, list[str]] | None = None) -> Path:
    """A copy of one of the project's scrapes in a folder, beside its rules.

    Args:
        keys: what each file of a key is to hold; the files come into the folder.
        targets: addresses in place of a job's own; with them it scrapes each second.
    """
    config = yaml.safe_load((FOLDER / name).read_text())
    for job in config["scrape_configs"]:
        if "authorization" in job:
            file = folder / Path(job["authorization"]["credentials_file"]).name
            file.write_text(keys)
            job["authorization"]["credentials_file"] = str(file)
        if targets is not None:
            job["static_configs"] = [{"targets": targets[job["job_name"]]}]
    if targets is not None:
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    shutil.copyfile(ALERTS, folder / ALERTS.name)
    written = folder / name
    written.write_text(yaml.safe_dump(config))
    return written


@contextmanager
def running(command: Sequence[str], ready: str, log: Path) -> Iterator[None]:
    """A program that runs while the block lasts, from when an address of it answers."""
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            ends = time.monotonic() + 30
            while not _answers(ready):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < ends, f"{ready} does not answer: {log.read_text()}"
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(20)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
