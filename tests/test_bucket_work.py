"""Machines that share the buckets of a home make the home that one makes."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from conftest import SMALL_CONFIG, run_of
from typer.testing import CliRunner

from simsong_pipeline.buckets import USUAL
from simsong_pipeline.cli.embed_command import INDEX, parsed, share_of
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import EngineConfig
from simsong_pipeline.engines.opening import ask_engine
from simsong_pipeline.errors import BusyError, EngineError, MissingExtraError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.bucket_work import work_on_buckets
from simsong_pipeline.runs.night import refresh

COMMAND = [sys.executable, "-m", "simsong_pipeline.cli.main", "embed", "--json"]


def _content(home: Path) -> dict[str, str]:
    files = [p for p in (home / "features").iterdir() if not p.name.startswith(".")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture
def unheard(run_copy: Workspace) -> Workspace:
    """A home with models and raw data in which nothing was heard."""
    shutil.rmtree(run_copy.home / "features")
    run_copy.save_config(SMALL_CONFIG)
    return run_copy


def test_shares_are_disjoint_and_all_buckets_together() -> None:
    for parts in (1, 3, 4, 64):
        shares = [share_of(str(index), parts, USUAL) for index in range(parts)]
        assert sorted(bucket for share in shares for bucket in share) == list(USUAL.numbers)


@pytest.mark.parametrize(("text", "buckets"), [("0-3", [0, 1, 2, 3]), ("63", [63]), ("3,7, 5-6", [3, 5, 6, 7])])
def test_buckets_are_named_by_numbers_and_ranges(text: str, buckets: list[int]) -> None:
    assert parsed(text, USUAL) == buckets


@pytest.mark.parametrize("text", ["", "64", "0-99999999999999", "70-80", "a", "3-", "-3", "5-3", "1;2", "٣٣٣"])
def test_what_names_no_bucket_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="--buckets"):
        parsed(text, USUAL)


@pytest.mark.parametrize(("index", "parts"), [(None, 4), ("4", 4), ("x", 4), ("0", 65)])
def test_a_machine_without_a_number_of_its_own_is_refused(index: str | None, parts: int) -> None:
    with pytest.raises(typer.BadParameter):
        share_of(index, parts, USUAL)


@pytest.mark.slow
def test_four_processes_at_once_make_the_home_of_one(unheard: Workspace, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(unheard.home, alone)
    # The raw data's paths are those of the home that they were copied from.
    unheard.save_source(run_of(unheard).source.config.model_copy(update={"raw": unheard.raw}))
    Workspace(alone).save_source(run_of(unheard).source.config.model_copy(update={"raw": unheard.raw}))
    environments = [{**os.environ, INDEX: str(index)} for index in range(4)]
    processes = [
        subprocess.Popen(
            [*COMMAND, "--parts", "4", "--home", str(unheard.home)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for environment in environments
    ]
    done = [json.loads(process.communicate()[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    whole = subprocess.run(
        [*COMMAND, "--buckets", "0-63", "--home", str(alone)], check=True, capture_output=True, text=True
    )
    one = json.loads(whole.stdout)
    for name in ("songs", "decoded", "usable"):
        assert sum(part[name] for part in done) == one[name] > 0
    assert _content(unheard.home) == _content(alone)


def test_the_next_night_takes_over_what_workers_heard(unheard: Workspace) -> None:
    before = unheard.read("wns/track_vectors")
    for part in range(4):
        work_on_buckets(run_of(unheard), share_of(str(part), 4, USUAL))
    told: list[str] = []
    events = run_of(unheard).events.__class__(lambda _: None, lambda *_: None, told.append)
    summary = refresh(run_of(unheard, events=events, publish_anyway=True))
    assert any(line.startswith("0 recordings decoded") for line in told)
    assert summary.unchanged == before.height
    assert unheard.read("wns/track_vectors").equals(before)


def test_a_worker_leaves_other_buckets_alone_and_does_nothing_twice(unheard: Workspace) -> None:
    first = work_on_buckets(run_of(unheard), range(32))
    content = _content(unheard.home)
    (unheard.home / "features" / ".bucket-40.other.part").write_bytes(b"another worker writes this")
    again = work_on_buckets(run_of(unheard), range(32))
    assert first.decoded > 0
    assert (first.songs, first.usable) == (again.songs, again.usable)
    assert again.decoded == 0
    assert _content(unheard.home) == content
    assert (unheard.home / "features" / ".bucket-40.other.part").exists()
    numbers = {int(name[7:9]) for name in content}
    assert numbers <= set(range(32))
    tracks = unheard.read("tracks")["track_id"].to_list()
    assert first.songs == sum(USUAL.of(t) < 32 for t in tracks)


def test_a_bucket_is_worked_on_by_one_process_at_a_time(unheard: Workspace) -> None:
    script = (
        "import sys; from pathlib import Path; from simsong_pipeline.locks import NotedLock\n"
        "with NotedLock(Path(sys.argv[1]), 'it', 'wait').held(0): print('held', flush=True); sys.stdin.read()"
    )
    (unheard.home / "features").mkdir()
    lock = unheard.home / "features" / ".bucket-05.lock"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        impatient = Workspace(unheard.home, wait_s=0)
        with pytest.raises(BusyError, match="bucket 5 of"):
            work_on_buckets(run_of(impatient), [4, 5])
        assert work_on_buckets(run_of(impatient), [4, 6]).buckets == [4, 6]


def test_a_killed_worker_is_done_again(unheard: Workspace, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(unheard.home, alone)
    for home in (unheard, Workspace(alone)):
        home.save_source(run_of(unheard).source.config.model_copy(update={"raw": unheard.raw}))
    command = [*COMMAND, "--buckets", "0-63", "--home", str(unheard.home)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list((unheard.home / "features").glob("bucket-*.parquet")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(command, check=True, capture_output=True)
    work_on_buckets(
        run_of(Workspace(alone), run_of(unheard).source.config.model_copy(update={"raw": unheard.raw})), range(64)
    )
    assert _content(unheard.home) == _content(alone)


def test_the_command_names_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["embed", "--home", str(tmp_path)])
    assert result.exit_code == 2
    assert INDEX in result.output.replace("\n", "")


@pytest.mark.parametrize(
    ("address", "reason"), [("127.0.0.1:1", "refused"), ("[::1]:1", ""), ("nowhere.invalid:6379", "")]
)
def test_a_cluster_that_does_not_answer_is_told_at_once(address: str, reason: str) -> None:
    with pytest.raises(EngineError, match=re.escape(f"no Ray cluster answers at {address} (")) as told:
        ask_engine(EngineConfig(kind="ray", address=address))
    assert reason in str(told.value)
    assert "--engine local" in str(told.value)


def test_without_ray_its_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "ray")
    with pytest.raises(MissingExtraError, match="pip install"):
        ask_engine(EngineConfig(kind="ray"))
