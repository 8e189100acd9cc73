"""A run of Dagster over a home at an address: published step by step, and failed where it was overtaken."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import fsspec
import pytest

from dagster_project.failing import telling
from dagster_project.resources import SimSong
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.remote.opened import Telling, opened

pytestmark = pytest.mark.filterwarnings(
    # Dagster's own, from a resource that another one uses.
    "ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning"
)
QUIET = Telling(lambda _: None, lambda *_: None, lambda _: None)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty home in memory."""
    monkeypatch.setenv("SIMSONG_CACHE", str(tmp_path / "server"))
    yield f"memory://{tmp_path.name}/home"
    files = fsspec.filesystem("memory")
    if files.exists(f"/{tmp_path.name}"):
        files.rm(f"/{tmp_path.name}", recursive=True)


def _run(url: str, between: Callable[[], None] = lambda: None) -> dg.ExecuteInProcessResult:
    """Two steps, of which the second adds to what the first has written."""

    @dg.op
    @telling
    def first(simsong: SimSong) -> int:
        workspace = simsong.workspace()
        with workspace.lock():
            (workspace.home / "a").write_text("first")
        return 1

    @dg.op
    @telling
    def second(simsong: SimSong, number: int) -> None:
        between()
        path = simsong.workspace().home / "a"
        path.write_text(f"{path.read_text()} and second")

    @dg.job(executor_def=dg.in_process_executor, resource_defs={"simsong": SimSong(home=url, wait_s=0.0)})
    def both() -> None:
        second(first())

    return both.execute_in_process(raise_on_error=False)


def _seen(url: str) -> str:
    with opened(url, "reading", 0.0, QUIET) as copy:
        return (copy.home / "a").read_text()


def test_steps_share_one_copy_and_what_each_leaves_is_published(url: str) -> None:
    seen: list[str] = []
    assert _run(url, lambda: seen.append(_seen(url))).success
    assert seen == ["first"]
    assert _seen(url) == "first and second"
    assert _run(url).success  # nothing is held from the run before


def test_a_run_that_was_overtaken_fails_and_publishes_nothing_more(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtake() -> None:
        monkeypatch.setenv("SIMSONG_CACHE", str(tmp_path / "laptop"))
        with opened(url, "writing", 5.0, QUIET, dead_s=0.0) as other:
            (other.home / "a").write_text("other")
        monkeypatch.setenv("SIMSONG_CACHE", str(tmp_path / "server"))

    result = _run(url, overtake)
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "overtaken" in str(failure.step_failure_data.user_failure_data.description)
    assert _seen(url) == "other"


def test_outside_of_a_run_it_is_said_how_a_home_at_an_address_is_opened(url: str) -> None:
    with pytest.raises(SimSongError, match="by a run of Dagster"):
        SimSong(home=url).workspace()


def test_a_run_tells_its_log_for_whom_it_waits() -> None:
    heard: list[str] = []
    resource = SimSong()
    resource._told = heard.append
    resource.workspace()._told("waiting")
    assert heard == ["waiting"]
