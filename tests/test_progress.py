"""Who waits sees how much is done and left: of everything that is read, in the terminal and in a log."""

import io
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import QUIET, run_of

from dagster_project.logged_count import LoggedCount
from simsong_pipeline.cli import console
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.raw_source import source_of_tracks
from simsong_pipeline.providers.selection_stage import select_songs
from simsong_pipeline.sources.counting import CountedLines, counted
from simsong_pipeline.sources.lastfm_sqlite import read_similars
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.sources.sqlite_tables import read_batches
from simsong_pipeline.stages import raw

Steps = list[tuple[int, int]]


def _told() -> tuple[Steps, Callable[[int, int], None]]:
    steps: Steps = []
    return steps, lambda done, total: steps.append((done, total))


def _counts_all(steps: Steps, total: int) -> bool:
    """Whether the steps go up from nothing to all of them."""
    return steps == sorted(steps) and {of for _, of in steps} == {total} and steps[0][0] == 0 and steps[-1][0] == total


def test_items_are_counted_as_they_are_taken() -> None:
    steps, progress = _told()
    taken = []
    for item in counted("abc", progress):
        taken.append((item, steps[-1]))
    assert taken == [("a", (0, 3)), ("b", (1, 3)), ("c", (2, 3))]
    assert steps[-1] == (3, 3)


@pytest.mark.parametrize("lines", [1, 999, 2_500])
def test_lines_of_a_large_file_are_counted_by_their_size(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "bags.txt"
    path.write_text("".join(f"é{n}\n" for n in range(lines)), encoding="utf-8")
    steps, progress = _told()
    with path.open(encoding="utf-8") as handle:
        assert len(list(CountedLines(handle, path.stat().st_size, progress))) == lines
    assert _counts_all(steps, path.stat().st_size)
    assert len(steps) < 5


@pytest.mark.parametrize(
    "read",
    [
        lambda run, _: raw.read_tracks(run),
        raw.read_listening,
        lambda run, _: raw.read_recordings(run),
        lambda run, _: raw.read_lyric_pages(run),
    ],
    ids=["tracks", "listening", "recordings", "lyrics"],
)
def test_every_reader_of_raw_data_counts_to_the_end(
    sample_raw: Path, tmp_path: Path, read: Callable[..., object]
) -> None:
    steps, progress = _told()
    run = run_of(Workspace(tmp_path), SourceConfig(raw=sample_raw), events=replace(QUIET, progress=progress))
    tracks = raw.read_tracks(run)
    steps.clear()
    read(run, tracks)
    assert steps[-1][0] == steps[-1][1] > 0
    assert all(0 <= done <= total for done, total in steps)


def test_a_table_is_counted_by_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "lastfm_similars.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE similars_src (tid, target)")
        connection.executemany("INSERT INTO similars_src VALUES (?, ?)", [(f"T{n}", "TX,0.5") for n in range(45)])
    steps, progress = _told()
    list(read_batches(path, "SELECT tid, target FROM similars_src", {"a": str, "b": str}, 20, progress))  # type: ignore[dict-item]
    assert steps == [(20, 45), (40, 45), (45, 45)]
    steps.clear()
    assert len(read_similars(path, progress=progress).neighbours) == 45
    assert steps == [(45, 45)]


@pytest.mark.parametrize("rest", ["", " WITHOUT ROWID"], ids=["rows deleted", "no row numbers"])
def test_a_table_with_gaps_is_counted_to_its_end(tmp_path: Path, rest: str) -> None:
    path = tmp_path / "lastfm_similars.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE similars_src (tid TEXT PRIMARY KEY, target TEXT){rest}")
        connection.executemany("INSERT INTO similars_src VALUES (?, ?)", [(f"T{n}", "TX,0.5") for n in range(40)])
        connection.execute("DELETE FROM similars_src WHERE tid < 'T2'")
    steps, progress = _told()
    assert len(read_similars(path, progress=progress).neighbours) == 28
    assert steps[-1][0] == steps[-1][1]
    assert steps == sorted(steps)


def test_selecting_counts_what_it_reads_before_it_chooses(sample_raw: Path, tmp_path: Path) -> None:
    steps, progress = _told()
    select_songs(
        Workspace(tmp_path), source_of_tracks(Workspace(tmp_path), sample_raw), 10, 0, PipelineConfig(), progress
    )
    assert len({total for _, total in steps}) >= 2


def test_a_bar_that_counts_anew_has_its_own_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second count of as many things is not shown as done when it begins."""
    monkeypatch.setattr(console, "err", console.Screen(force_terminal=True, width=100, file=io.StringIO()))
    seen = []

    class Seen(console.Progress):
        def update(self, *arguments: object, **options: object) -> None:
            super().update(*arguments, **options)  # type: ignore[arg-type]
            seen.append((self.tasks[0].completed, self.tasks[0].finished))

    monkeypatch.setattr(console, "Progress", Seen)
    with console.events() as told:
        told.stage("reading")
        for done in (0, 4, 0, 3, 4):
            told.progress(done, 4)
    assert seen == [(0, False), (4, True), (0, False), (3, False), (4, True)]


@pytest.mark.parametrize(("step", "total"), [(1, 10_000), (2_000, 839_122), (7, 100), (1, 3)])
def test_a_log_is_not_flooded_and_says_the_end(step: int, total: int) -> None:
    lines: list[str] = []
    count = LoggedCount(lines.append, clock=lambda: 0.0)
    for done in [*range(0, total, step), total]:
        count.progress(done, total)
    assert 3 <= len(lines) <= 10
    assert lines[-1] == f"{total} of {total}"


def test_a_log_says_how_much_time_is_left_of_each_count() -> None:
    lines: list[str] = []
    now = [0.0]
    count = LoggedCount(lines.append, every=2, clock=lambda: now[0])
    for done in (0, 5, 10, 0, 5, 10):  # the second goes on at a tenth of the speed
        now[0] += 1.0 if len(lines) < 2 else 100.0
        count.progress(done, 10)
    assert lines == ["5 of 10, about 1 s left", "10 of 10", "5 of 10, about 100 s left", "10 of 10"]


def test_a_count_that_is_taken_up_in_its_middle_judges_by_what_it_did_since() -> None:
    lines: list[str] = []
    now = [0.0]
    count = LoggedCount(lines.append, clock=lambda: now[0])
    for done in (500, 600):
        count.progress(done, 1_000)
        now[0] += 50.0
    assert lines == ["600 of 1000, about 200 s left"]
