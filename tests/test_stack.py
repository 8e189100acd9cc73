"""Dagster under real conditions: PostgreSQL, webserver, daemon, a schedule that ticks by itself, a run that dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from conftest import SMALL_CONFIG
from loopback import serve
from test_notices import Receiver

from simsong_pipeline.home.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "deploy"))
from postgres import StackError, postgres_program  # noqa: E402
from processes import of_this_environment  # noqa: E402
from stack import Stack  # noqa: E402

pytestmark = pytest.mark.slow(minutes=2)
_RUNS = "{ runsOrError(limit: 20) { ... on Runs { results { runId status tags { key value } } } } }"
_TICKS = """{ scheduleOrError(scheduleSelector: {repositoryLocationName: "tests.stack.nightly_every_minute",
repositoryName: "__repository__", scheduleName: "nightly_schedule"}) { ... on Schedule { scheduleState {
ticks(limit: 20) { status skipReason runIds } } } } }"""
_START = """mutation { startSchedule(scheduleSelector: {repositoryLocationName: "tests.stack.nightly_every_minute",
repositoryName: "__repository__", scheduleName: "nightly_schedule"}) { __typename ... on PythonError { message } } }"""


def _postgres_is_there() -> bool:
    try:
        return postgres_program("initdb").is_file()
    except StackError:
        return False


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with serve(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def stack(run_copy: Workspace, tmp_path: Path, hook: Receiver) -> Iterator[Stack]:
    if not _postgres_is_there():
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    run_copy.save_config(SMALL_CONFIG)
    # Where the user that PostgreSQL runs as may enter.
    folder = Path("/tmp") / f"simsong-stack-{os.getpid()}"
    environment = {
        "SIMSONG_HOME": str(run_copy.home),
        "SIMSONG_TEST_HOLD": str(tmp_path / "hold"),
        "SIMSONG_WEBHOOK_URL": hook.address,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    try:
        with Stack(folder, ["tests.stack.nightly_every_minute"], environment=environment) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ask(stack: Stack, query: str) -> dict[str, dict[str, object]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        data: dict[str, dict[str, object]] = json.loads(answer.read())["data"]
    return data


def _statuses(stack: Stack) -> dict[str, str]:
    runs = _ask(stack, _RUNS)["runsOrError"]["results"]
    return {run["runId"]: run["status"] for run in runs}  # type: ignore[attr-defined]


def _until(what: str, found: Callable[[], object], seconds: float = 240) -> object:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        value = found()
        if value:
            return value
        time.sleep(1)
    raise AssertionError(f"{what} did not come about in {seconds:g} s")


def _ticks(stack: Stack) -> list[dict[str, object]]:
    state = _ask(stack, _TICKS)["scheduleOrError"]["scheduleState"]
    ticks: list[dict[str, object]] = state["ticks"]  # type: ignore[index, call-overload]
    return ticks


def _called(stack: Stack, *command: str) -> None:
    """A command where the stack's processes run."""
    environment = {**os.environ, **stack.environment}
    done = subprocess.run(of_this_environment([*command]), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _contents(workspace: Workspace) -> dict[str, tuple[object, ...]]:
    with workspace.store(SMALL_CONFIG.store) as store:
        return {i: hashes[:1] for i, hashes in store.hashes(store.aliases()["simsong"]).items()}


def _figure(scraped: str, name: str) -> str:
    """A metric's value."""
    (line,) = [line for line in scraped.splitlines() if line.startswith(f"{name} ")]
    return line.removeprefix(name)


def _scraped(stack: Stack, since: float) -> str | None:
    """The service's metrics, once what it serves was published since."""
    urllib.request.urlopen(f"{stack.service_url}/api/v1/library", timeout=30).close()  # by which it looks
    with urllib.request.urlopen(f"{stack.service_url}/metrics", timeout=30) as answer:
        scraped: str = answer.read().decode()
    return scraped if float(_figure(scraped, "simsong_index_published_timestamp_seconds")) > since else None


def _health_of(stack: Stack, name: str) -> list[str]:
    """Compose's question of a container's health, at the port where the stack has it."""
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    its, ours = services[name]["command"], stack.commands[name]
    port = {its[its.index(option) + 1]: ours[ours.index(option) + 1] for option in ("-p", "--port") if option in its}
    question = services[name]["healthcheck"]["test"][1:]
    for written, meant in port.items():
        question = [word.replace(f":{written}/", f":{meant}/") if word != written else meant for word in question]
    return question


def test_nights_tick_skip_die_and_recover(stack: Stack, run_copy: Workspace, tmp_path: Path, hook: Receiver) -> None:
    began, hold, in_flight = time.time(), tmp_path / "hold", tmp_path / "in-flight"
    hold.touch()
    assert list(stack.commands) == ["code", "daemon", "webserver", "service"]
    for name in stack.commands:
        _called(stack, *_health_of(stack, name))
    assert _ask(stack, _START)["startSchedule"]["__typename"] == "UnauthorizedError"  # the interface only reads
    _called(stack, "dagster", "schedule", "start", "nightly_schedule", "-w", str(stack.dagster_home / "workspace.yaml"))
    # A real tick starts a run, which is held; the next tick is skipped.
    _until("a night in flight", lambda: in_flight.is_file() and len(in_flight.read_text().split()) == 2)
    first, process = in_flight.read_text().split()
    skipped = _until("a skipped tick", lambda: [t for t in _ticks(stack) if t["status"] == "SKIPPED"])
    assert first in str(skipped[0]["skipReason"])  # type: ignore[index]
    # The run dies; it is noticed, and told of.
    os.kill(int(process), signal.SIGKILL)
    _until("the dead run's end", lambda: _statuses(stack).get(first) == "FAILURE")
    _until("a notice", lambda: hook.got)
    assert first in hook.got[0]["text"]
    # The next night does the work: a recording that changed meanwhile is in the index.
    before = _contents(run_copy)
    files = sorted((run_copy.raw / "audio").rglob("*.flac"))
    shutil.copyfile(files[0], files[1])
    hold.unlink()
    _until("a finished night", lambda: [r for r, s in _statuses(stack).items() if s == "SUCCESS"])
    after = _contents(run_copy)
    changed = {i for i in before if before[i] != after.get(i)}
    assert len(changed) == 1
    # The service, which was there all the time, answers from what the night has published.
    scraped = str(_until("the night in the service", lambda: _scraped(stack, since=began), 60))
    assert float(_figure(scraped, "simsong_index_songs")) == len(after)
