"""Runs in a home in an object store make what they make on a disk, by any command and on any machine."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import httpx
import polars as pl
import pytest
from conftest import SMALL_CONFIG, run_of
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.remote.opened import Telling, opened
from simsong_pipeline.remote.store import ObjectStore
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import run
from simsong_pipeline.runs.summary import RunSummary

QUIET = Telling(lambda _: None, lambda *_: None, lambda _: None)
FRAMES = ("tracks", "audio", "lyrics", "splits", "lyric_embeddings", "wns/track_vectors", "ns/track_vectors")


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[str]:
    """An empty home in memory."""
    yield f"memory://{tmp_path.name}/home"
    files = fsspec.filesystem("memory")
    if files.exists(f"/{tmp_path.name}"):
        files.rm(f"/{tmp_path.name}", recursive=True)


def _be(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMSONG_CACHE", str(machine))


def _same(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """But for where the recordings lie, and what a sum in another order changes."""
    paths = [name for name in ("path",) if name in one.columns]
    assert_frame_equal(one.drop(paths), other.drop(paths), rel_tol=1e-4, abs_tol=1e-5)


@pytest.mark.slow
def test_a_home_in_an_object_store_is_the_home_on_a_disk(
    bucket: str,
    sample_raw: Path,
    finished_run: tuple[Workspace, RunSummary],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _be(tmp_path / "first", monkeypatch)
    with opened(bucket, "writing", 0.0, QUIET) as copy:
        workspace = Workspace(copy.home)
        shutil.copytree(sample_raw, workspace.raw)
        run(run_of(workspace, publish_anyway=True))
    store = ObjectStore(bucket)
    objects = store.names("objects")
    for _ in range(2):  # the first night that changes nothing still notes what it found
        with opened(bucket, "writing", 0.0, QUIET) as copy:
            refresh(run_of(Workspace(copy.home), publish_anyway=True))
    noted = store.names("objects")
    assert len(noted) - len(objects) < len(objects) / 4
    with opened(bucket, "writing", 0.0, QUIET) as copy:
        assert refresh(run_of(Workspace(copy.home), publish_anyway=True)).embedded == 0
    assert store.names("objects") == noted
    _be(tmp_path / "second", monkeypatch)
    with opened(bucket, "reading", 0.0, QUIET) as copy:
        there = Workspace(copy.home)
        assert not there.raw.exists()  # which readers have no use for
        for name in FRAMES:
            _same(there.read(name), finished_run[0].read(name))
        with there.store(SMALL_CONFIG.store) as index:
            assert index.count(index.aliases()["simsong"]) == finished_run[1].embedded


def _command(home: str, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("QDRANT_", "SIMSONG_HOME", "SIMSONG_WAIT"))}
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", *map(str, words)]
    environment = {"SIMSONG_HOME": home, "COLUMNS": "200", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables | environment, check=False)


@pytest.fixture
def published(run_copy: Workspace, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The finished run, in a bucket."""
    _be(tmp_path / "origin", monkeypatch)
    url = f"{s3}/home"
    run_copy.save_config(SMALL_CONFIG)
    run_copy.save_source(run_of(run_copy).source.config.model_copy(update={"raw": run_copy.raw}))
    with opened(url, "writing", 0.0, QUIET) as copy:
        shutil.copytree(run_copy.home, copy.home, dirs_exist_ok=True)
    return url


@pytest.mark.slow
def test_commands_read_and_write_a_home_at_an_address(published: str, tmp_path: Path) -> None:
    store, cache = ObjectStore(published), str(tmp_path / "laptop")
    with opened(published, "reading", 0.0, QUIET) as copy:
        track_id = Workspace(copy.home).read("wns/track_vectors")["track_id"][0]
    journal = store.names("journal")
    asked = _command(published, "similar", track_id, "-k", 3, "--json", SIMSONG_CACHE=cache)
    assert asked.returncode == 0, asked.stderr
    assert len(asked.stdout.splitlines()) == 3
    assert store.names("journal") == journal  # a question takes no number
    assert "Unclosed" not in asked.stderr, "connections end with the command"
    never = _command(published, "never", track_id, SIMSONG_CACHE=cache)
    assert never.returncode == 0, never.stderr
    shown = _command(published, "never", "--json", SIMSONG_CACHE=str(tmp_path / "server"))
    assert [json.loads(line)["id"] for line in shown.stdout.splitlines()] == [track_id]


@pytest.mark.slow
def test_a_home_at_an_address_is_served_to_read(published: str, tmp_path: Path) -> None:
    store = ObjectStore(published)
    journal = store.names("journal")
    words = [sys.executable, "-m", "simsong_pipeline.cli.main", "serve", "--port", "0"]
    variables = {**os.environ, "SIMSONG_HOME": published, "SIMSONG_CACHE": str(tmp_path / "laptop")}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+/", process.stdout.readline())
        assert found is not None
        with httpx.Client(base_url=f"{found[0]}api/v1/", trust_env=False) as client:
            song = client.get("songs", params={"limit": 1}).json()["items"][0]["id"]
            assert len(client.get("similar", params={"like": song, "k": 3}).json()["songs"]) == 3
            assert client.put("likes", json={"id": song, "likes": True}).status_code == 403
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.communicate(timeout=30)[1]
    assert store.names("journal") == journal
    asked = _command(published, "similar", song, "-k", 3, "--json", SIMSONG_CACHE=str(tmp_path / "laptop"))
    assert len(asked.stdout.splitlines()) == 3


@pytest.mark.slow
def test_a_command_that_ends_with_an_error_publishes_and_says_its_error(published: str, tmp_path: Path) -> None:
    failed = _command(published, "run", "--manifest", tmp_path / "none.csv", SIMSONG_CACHE=str(tmp_path / "laptop"))
    assert failed.returncode == 1
    assert "no such manifest" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert _command(published, "tags", SIMSONG_CACHE=str(tmp_path / "laptop"), SIMSONG_WAIT_S="0").returncode == 0


@pytest.mark.slow
def test_workers_on_several_machines_hear_for_a_run_that_decodes_nothing(
    published: str, run_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(published, "writing", 0.0, QUIET) as copy:
        shutil.rmtree(copy.home / "features")
    generations = ObjectStore(published).names("journal")
    decoded = 0
    for index in range(3):
        worker = ["embed", "--parts", "3", "--json"]
        done = _command(published, *worker, SIMSONG_CACHE=str(tmp_path / f"w{index}"), JOB_COMPLETION_INDEX=str(index))
        assert done.returncode == 0, done.stderr
        decoded += json.loads(done.stdout)["decoded"]
    assert ObjectStore(published).names("journal") == generations
    again = _command(published, *worker, SIMSONG_CACHE=str(tmp_path / "anew"), JOB_COMPLETION_INDEX="2")
    assert json.loads(again.stdout)["decoded"] == 0  # a worker takes over what others have heard as well
    _be(tmp_path / "night", monkeypatch)
    with opened(published, "writing", 0.0, QUIET) as copy:
        workspace = Workspace(copy.home)
        tasks = run_of(workspace, workspace.load_source())
        assert refresh(tasks).embedded == 0
        heard = workspace.read("audio")
    assert heard.filter(status="ok").height == run_copy.read("audio").filter(status="ok").height > 0
    assert decoded >= heard.filter(status="ok").height
    assert not ObjectStore(published).names("parts")


def test_what_a_worker_heard_of_a_bucket_that_changed_meanwhile_is_left(
    published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _be(tmp_path / "worker", monkeypatch)
    with opened(published, "working", 0.0, QUIET) as copy:
        tables = sorted((copy.home / "features").glob("bucket-*.parquet"))[:2]
        for table in tables:
            table.write_bytes(b"of the worker")
        # What it knows of its own copy's files is no part of its work.
        (copy.home / "features" / "known_rows.bin").write_bytes(b"of the worker")
    _be(tmp_path / "other", monkeypatch)
    with opened(published, "writing", 0.0, QUIET) as copy:
        taken = [(copy.home / "features" / table.name).read_bytes() for table in tables]
        assert b"of the worker" not in [p.read_bytes() for p in copy.home.glob("features/known_rows.bin")]
    assert taken == [b"of the worker"] * 2
    # Another worker had opened the home before that.
    _be(tmp_path / "slow", monkeypatch)
    with opened(published, "working", 0.0, QUIET) as slow:
        _be(tmp_path / "other", monkeypatch)
        with opened(published, "writing", 0.0, QUIET) as copy:
            (copy.home / "features" / tables[0].name).write_bytes(b"of the run")
        _be(tmp_path / "slow", monkeypatch)
        for table in tables:
            (slow.home / "features" / table.name).write_bytes(b"of the slow one")
    _be(tmp_path / "other", monkeypatch)
    with opened(published, "writing", 0.0, QUIET) as copy:
        taken = [(copy.home / "features" / table.name).read_bytes() for table in tables]
    assert taken == [b"of the run", b"of the slow one"]


def test_several_processes_are_told_that_they_cannot_train_there(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = CliRunner().invoke(app, ["train", "--home", bucket])
    assert "home on a disk" in str(done.exception)
