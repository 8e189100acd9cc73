"""A full disk is one line, and what was done before is kept."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import polars as pl
import pytest

from simsong_pipeline.errors import DiskFullError, is_disk_full
from simsong_pipeline.files import write_atomically, write_bytes

_BODY = """
import sys
from pathlib import Path
import numpy as np, polars as pl
from simsong_pipeline.cli import main
from simsong_pipeline.config import StoreConfig, LogMelConfig, AudioConfig
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Point
from simsong_pipeline.stores.opening import open_store
from simsong_pipeline.stores.payloads import point_id

home = Path(sys.argv[2])
rng = np.random.default_rng(0)


def frame():
    Workspace(home).write("anything", pl.DataFrame({"a": rng.normal(size=2_000_000)}))


def model():
    from safetensors.numpy import save
    from simsong_pipeline.files import write_bytes
    write_bytes(home / "models/wns/encoder.safetensors", save({"a": rng.normal(size=2_000_000)}))


def index(engine):
    with open_store(StoreConfig(engine=engine), home) as store:
        store.ensure_collection("songs", 64, 32)
        widths = (("audio", 64), ("lyrics", 32), ("song", 99))
        vectors = lambda: {n: rng.normal(size=w).astype(np.float32) for n, w in widths}
        store.upsert("songs", [Point(point_id(str(n)), vectors(), {"track_id": str(n)}) for n in range(2_000)])


def read_edge():
    with open_store(StoreConfig(engine="edge"), home) as store:
        store.count("songs")


def told(work):
    main.app = work
    main.main()


indexes = {engine: lambda engine=engine: index(engine) for engine in ("local", "edge")}
told({"frame": frame, "model": model, "read_edge": read_edge, **indexes}[sys.argv[1]])
"""


def _run(what: str, home: Path, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-c", _BODY, what, str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limited)


def _is_one_line(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1, done
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "make room" in line


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8M", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("what", ["frame", "model", "local", "edge"])
def test_full_disk_is_one_line(what: str, small_disk: Path) -> None:
    (small_disk / "fill").write_bytes(b"x" * 6_000_000)
    _is_one_line(_run(what, small_disk / "home"))
    assert not list(small_disk.rglob("*.part"))


def test_edge_index_on_a_disk_that_filled_up_since_is_one_line(tmp_path: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=2G", str(small_disk)], check=True)
    assert _run("edge", small_disk / "home").returncode == 0
    free = shutil.disk_usage(small_disk).free
    subprocess.run(
        ["mount", "-o", f"remount,size={shutil.disk_usage(small_disk).total - free}", str(small_disk)], check=True
    )
    _is_one_line(_run("read_edge", small_disk / "home"))


@pytest.mark.parametrize("what", ["frame", "model"])
def test_file_beyond_its_limit_is_one_line(what: str, tmp_path: Path) -> None:
    """As a quota makes it; needs no rights."""
    _is_one_line(_run(what, tmp_path / "home", limit=1_000_000))
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("size", [4, 100, 300, 1_000, 3_000])
def test_library_that_does_not_say_what_was_wrong(size: int, tmp_path: Path) -> None:
    """Polars calls its own footer invalid where there is no room for it."""
    frame = pl.DataFrame({f"column {n}": ["x"] for n in range(40)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(DiskFullError, match=r"no room on the disk for .*a\.parquet"):
            write_atomically(tmp_path / "a.parquet", frame.write_parquet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_library_that_fails_while_there_is_room_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    def write(handle: IO[bytes]) -> None:
        handle.write(b"some")
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        write_atomically(tmp_path / "a", write)
    assert list(tmp_path.iterdir()) == []


def test_file_that_finds_no_room_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(DiskFullError, match=r"no room on the disk for .*a\.bin"):
            write_bytes(path, b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize(
    "text", ["No space left on device (os error 28)", "database or disk is full", "Disk quota exceeded"]
)
def test_errors_of_libraries_are_known(text: str) -> None:
    error = RuntimeError("saving failed")
    error.__cause__ = ValueError(text)
    assert is_disk_full(error)
    assert not is_disk_full(RuntimeError("something else"))
