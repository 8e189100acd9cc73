"""The executor is a setting: steps in one process, or each in a process of its own over a Qdrant server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from test_locks import held_by_another

from dagster_project.executing import executor
from dagster_project.resources import SimSong
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.workspace import Workspace

ROOT = Path(__file__).parents[1]
# Nobody answers there: what is tested goes up to the index.
SERVER = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIMSONG_HOME", str(tmp_path / "home"))
    for name in ("SIMSONG_EXECUTOR", "SIMSONG_CONFIG", "QDRANT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("given", [None, "", "in_process"])
def test_steps_share_a_process_unless_it_is_said(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    if given is not None:
        monkeypatch.setenv("SIMSONG_EXECUTOR", given)
    assert executor() is dg.in_process_executor


@pytest.mark.parametrize("by", ["environment", "configuration"])
def test_steps_may_be_processes_over_a_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str) -> None:
    monkeypatch.setenv("SIMSONG_EXECUTOR", "multiprocess")
    if by == "environment":
        monkeypatch.setenv("QDRANT_URL", SERVER)
    else:
        (tmp_path / "own.toml").write_text(f'[store]\nurl = "{SERVER}"\n')
        monkeypatch.setenv("SIMSONG_CONFIG", str(tmp_path / "own.toml"))
    assert executor() is dg.multiprocess_executor


def test_processes_over_an_embedded_index_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMSONG_EXECUTOR", "multiprocess")
    with pytest.raises(SimSongError, match=r"the index is embedded.*QDRANT_URL"):
        executor()


def test_processes_over_a_home_at_an_address_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMSONG_EXECUTOR", "multiprocess")
    monkeypatch.setenv("SIMSONG_HOME", "memory://home")
    monkeypatch.setenv("QDRANT_URL", SERVER)
    with pytest.raises(SimSongError, match="the home lies at an address"):
        executor()


def test_another_executor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMSONG_EXECUTOR", "celery")
    with pytest.raises(SimSongError, match="'celery': in_process or multiprocess"):
        executor()


@pytest.mark.slow(minutes=1)
@pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning")
def test_step_says_for_whom_it_waits_and_goes_on(tmp_path: Path) -> None:
    @dg.asset
    def written(context: dg.AssetExecutionContext, simsong: SimSong) -> None:
        with held_by_another("command", tmp_path, 5.0), simsong.workspace().lock():
            context.log.info("written")

    with dg.instance_for_test() as instance:
        ran = dg.materialize([written], resources={"simsong": SimSong(home=str(tmp_path))}, instance=instance)
        records = instance.get_records_for_run(ran.run_id).records
    said = [record.event_log_entry.user_message for record in records]
    waiting = next(place for place, text in enumerate(said) if "is in use by simsong refresh" in text)
    assert "waiting for it, 60 minutes at most" in said[waiting]
    assert said.index("written") > waiting


def _materialize(home: Path, instance: Path, groups: list[str]) -> subprocess.CompletedProcess[str]:
    given = {"DAGSTER_HOME": str(instance), "SIMSONG_HOME": str(home), "QDRANT_URL": SERVER}
    instance.mkdir()
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "asset",
        "materialize",
        "-m",
        "dagster_project.definitions",
    ]
    return subprocess.run(
        [*command, "-m", "dagster_project.definitions", "--select", " or ".join(f"group:{group}" for group in groups)],
        cwd=ROOT,
        env={**os.environ, **given, "SIMSONG_EXECUTOR": "multiprocess", "DAGSTER_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow(minutes=1)
def test_steps_that_are_processes_make_what_steps_in_one_process_make(run_copy: Workspace, tmp_path: Path) -> None:
    """Every step of a run is let in by its number, side by side, from the raw data to the metrics."""
    before = run_copy.read("wns/track_vectors")
    for name in ("frames/wns/track_vectors", "features"):
        shutil.rmtree(run_copy.home / name)
    groups = ["raw", "catalogue", "features", "embeddings", "evaluation"]
    ran = _materialize(run_copy.home, tmp_path / "instance", groups)
    assert ran.returncode == 0, ran.stderr
    processes = set(re.findall(r" - (\d+) - \w+ - STEP_START", ran.stderr))
    assert len(processes) > 15
    after = run_copy.read("wns/track_vectors")
    assert after.select(pl.exclude("audio", "lyrics")).equals(before.select(pl.exclude("audio", "lyrics")))
    assert SimSong(home=str(run_copy.home)).workspace().fence.present() in ran.stderr
