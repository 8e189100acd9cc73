"""`simsong serve` in a process of its own, for benchmarks to ask."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served_home(home: Path, workers: int = 1) -> Iterator[tuple[str, int]]:
    """The address of `simsong serve` over a home, and the number of its process."""
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "serve", "--home", str(home), "--port", "0"]
    command += ["--workers", str(workers)] if workers > 1 else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process, home), process.pid
        finally:
            process.terminate()


def _address(process: "subprocess.Popen[str]", home: Path) -> str:
    """What the service says of itself once it listens."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"http://\S+/", said):
            return found[0]
    raise SystemExit(f"`simsong serve --home {home}` did not start:\n{said}")
