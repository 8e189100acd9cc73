"""A home of a data set: the ordinary pipeline over it, as a command of its own, which goes on where it was stopped."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from simsong_pipeline.config import VARIANTS
from simsong_pipeline.home.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
# What is used where no configuration is named and the home has none.
SETTINGS = """[encoder]
kind = "events"

[bags]
embed = true
"""
# The engine for more than some 20,000 songs, where it is installed.
_EDGE = """
[store]
engine = "edge"
"""


@dataclass(frozen=True)
class RunCost:
    """Of a run in a process of its own."""

    wall_s: float
    processor_s: float
    peak_gib: float


def run_pipeline(raw: Path, home: Path, config: Path | None) -> RunCost:
    """Read, train, embed and index; what an earlier run has done is not done again.

    Raises:
        SystemExit: it failed, and has said why.
    """
    workspace = Workspace(home)
    if config is None and not (home / "config.json").is_file():
        config = home / "benchmark.toml"
        home.mkdir(parents=True, exist_ok=True)
        config.write_text(SETTINGS + (_EDGE if find_spec("qdrant_edge") else ""), encoding="utf-8")
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "run", "--raw", str(raw), "--home", str(home)]
    command += ["--publish-anyway", *([] if config is None else ["--config", str(config)])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    began = time.monotonic()
    with subprocess.Popen(command, env=environment) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not is_finished(workspace):
        raise SystemExit(f"`{' '.join(command[1:])}` ended with exit status {process.returncode}")
    in_kib = 1 if sys.platform == "linux" else 1024
    peak = used.ru_maxrss / in_kib / (1 << 20)
    return RunCost(time.monotonic() - began, used.ru_utime + used.ru_stime, peak)


def is_finished(workspace: Workspace) -> bool:
    """Whether a run came to its end: its songs have vectors, and its configuration is remembered."""
    vectors = all(workspace.bucketed(f"{variant}/track_vectors").is_there for variant in VARIANTS)
    return vectors and (workspace.home / "config.json").is_file()
