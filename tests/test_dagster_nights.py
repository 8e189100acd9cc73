"""Nights by Dagster: one in which nothing changed skips everything, and what it and the command leave is one state."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from conftest import QUIET, run_of

from dagster_project.assets.ledger import WHOLE
from dagster_project.definitions import defs
from dagster_project.failing import telling
from dagster_project.freshness import INDEX, METRICS
from dagster_project.io_manager import FrameIOManager
from dagster_project.resources import SimSong
from dagster_project.schedules import nightly_job
from simsong_pipeline.config import VARIANTS
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.night_note import NightNote, night_note
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.observing.figures import figures_of
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.sources.source import SourceConfig

pytestmark = pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning")
Metadata = Mapping[str, dg.MetadataValue]


class Night:
    """The nightly job, as its schedule starts it, and what it left."""

    def __init__(self, workspace: Workspace) -> None:
        before = _states(workspace.home)
        with dg.instance_for_test() as instance:
            result = defs.resolve_job_def(nightly_job.name).execute_in_process(instance=instance)
        self.made = {
            e.asset_key.to_user_string(): e.materialization.metadata  # type: ignore[union-attr]
            for e in result.get_asset_materialization_events()
        }
        self.seen = [e.asset_observation_data.asset_observation.metadata for e in result.get_asset_observation_events()]
        self.skipped = {e.step_key for e in result.all_events if e.event_type == dg.DagsterEventType.STEP_SKIPPED}
        self.wrote = before != _states(workspace.home)
        self.note, self.figures = night_note(workspace), figures_of(workspace)


def _states(home: Path) -> dict[str, int]:
    files = (p for p in home.rglob("*") if p.is_file() and not p.name.startswith("."))
    return {str(p): p.stat().st_mtime_ns for p in files if p.name != "fence.json"}


def _command(workspace: Workspace) -> tuple[RunSummary, list[str]]:
    """`simsong refresh`: by the configuration and the raw data that the home remembers."""
    notes: list[str] = []
    told = replace(QUIET, note=notes.append)
    summary = refresh(run_of(workspace, workspace.load_source(), workspace.load_config(), told))
    return summary, notes


class Nights:
    """A home whose raw data lie apart; first without one of its recordings."""

    def __init__(self, finished: Workspace, folder: Path) -> None:
        shutil.copytree(finished.home, folder / "home")
        self.workspace = Workspace(folder / "home")
        shutil.move(self.workspace.raw, folder / "raw")
        (self.workspace.home / "source.json").unlink()
        recording = sorted((folder / "raw" / "audio").rglob("*.flac"))[0]
        shutil.move(recording, folder / "aside")
        refresh(run_of(self.workspace, SourceConfig(raw=folder / "raw")))
        self.after_command = Night(self.workspace)
        shutil.move(folder / "aside", recording)
        self.workspace.frame_path("descriptions").unlink()
        self.of_work = Night(self.workspace)
        self.by_command = _command(self.workspace)
        self.after_night = Night(self.workspace)


@pytest.fixture(scope="module")
def nights(finished_run: tuple[Workspace, object], tmp_path_factory: pytest.TempPathFactory) -> Nights:
    folder = tmp_path_factory.mktemp("nights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMSONG_HOME", str(folder / "home"))
        patch.setenv("SIMSONG_RAW", str(folder / "raw"))
        return Nights(finished_run[0], folder)


@pytest.mark.parametrize(("which", "vouched"), [("after_command", INDEX), ("after_night", INDEX | {METRICS})])
def test_a_night_of_nothing_makes_nothing(nights: Nights, which: str, vouched: set[str]) -> None:
    """What it found as it was left it vouches for: metrics only where they are of the vectors."""
    night: Night = getattr(nights, which)
    assert {name: made["changed"].value for name, made in night.made.items()} == dict.fromkeys(vouched, False)
    assert not night.wrote
    assert {f"{v}__track_vectors" for v in VARIANTS} < night.skipped
    assert "ledger" in night.skipped


@pytest.mark.parametrize(
    ("which", "stage", "nights_done"),
    [("after_command", "raw_files", 1), ("of_work", "ledger", 2), ("after_night", "raw_files", 3)],
)
def test_a_night_by_dagster_is_noted_and_counted(nights: Nights, which: str, stage: str, nights_done: int) -> None:
    night: Night = getattr(nights, which)
    assert night.note is not None
    assert night.figures is not None
    assert (night.note.state, night.note.command, night.note.stage) == ("done", "dagster nightly", stage)
    assert night.figures.nights == {"done": nights_done}
    assert night.figures.last_success == night.figures.ended
    assert stage in night.figures.stage_seconds
    assert night.figures.tracks == (0 if which == "after_command" else 48)


def test_figures_of_a_night_by_dagster_are_those_of_its_assets(nights: Nights) -> None:
    made, figures = nights.of_work.made, nights.of_work.figures
    assert figures is not None
    assert figures.songs == {
        "decoded": made["audio"]["decoded"].value,
        "lyrics_embedded": made["lyric_embeddings"]["embedded"].value,
        "embedded": max(made[f"{v}/track_vectors"]["embedded"].value for v in VARIANTS),
        "upserted": max(made[f"{v}/qdrant_collection"]["upserted"].value for v in VARIANTS),
        "deleted": max(made[f"{v}/qdrant_collection"]["deleted"].value for v in VARIANTS),
    }
    assert figures.number is not None
    assert set(nights.after_night.figures.songs.values()) == {0}  # type: ignore[union-attr]


def test_a_step_at_work_is_seen_and_one_that_fails_is_told(tmp_path: Path) -> None:
    workspace, seen = Workspace(tmp_path), list[NightNote | None]()

    @dg.asset
    @telling
    def looked_at(context: dg.AssetExecutionContext, simsong: SimSong) -> None:
        simsong.told(context)
        seen.append(night_note(workspace))

    @dg.asset(deps=[looked_at])
    @telling
    def broken(context: dg.AssetExecutionContext, simsong: SimSong) -> None:
        simsong.told(context).count("decoded", 2)
        raise SimSongError("the disk is gone")

    with dg.instance_for_test() as instance:
        resources = {"simsong": SimSong(home=str(tmp_path))}
        assert not dg.materialize(
            [looked_at, broken], resources=resources, instance=instance, raise_on_error=False
        ).success
    assert seen[0] is not None
    assert (seen[0].state, seen[0].stage) == ("running", "looked_at")
    note, figures = night_note(workspace), figures_of(workspace)
    assert note is not None
    assert figures is not None
    assert (note.state, note.stage, note.outcome) == ("failed", "broken", "broken: the disk is gone")
    assert (figures.nights, figures.last_success, figures.songs["decoded"]) == ({"failed": 1}, None, 2)


@pytest.mark.parametrize(("which", "songs"), [("after_command", 43), ("after_night", 44)])
def test_a_night_of_nothing_says_what_is_there(nights: Nights, which: str, songs: int) -> None:
    (seen,) = getattr(nights, which).seen
    assert [seen[name].value for name in ("changed", "tracks", "songs", "excluded")] == [False, 48, songs, 48 - songs]


@pytest.mark.parametrize(
    ("asset", "verb"), [("audio", "decoded"), *((f"{v}/track_vectors", "embedded") for v in VARIANTS)]
)
def test_a_new_song_is_all_the_work_of_its_night(nights: Nights, asset: str, verb: str) -> None:
    made = nights.of_work.made[asset]
    assert made[verb].value == 1
    assert made["skipped"].value in (43, 44)  # of the damaged recording, what is known of it is kept as well


def test_a_frame_that_was_deleted_is_there_again(nights: Nights) -> None:
    assert nights.workspace.read("descriptions").height == 44


def test_a_night_of_work_settles_the_ledger(nights: Nights) -> None:
    assert [nights.of_work.made["ledger"][name].value for name in ("settled", "songs")] == [True, 44]


def test_the_command_has_nothing_to_do_after_a_night_by_dagster(nights: Nights) -> None:
    summary, notes = nights.by_command
    assert notes == ["nothing changed since the last run"]
    assert (summary.embedded, summary.upserted, summary.unchanged) == (0, 0, 44)


def test_the_ledger_asks_for_all_that_comes_of_the_raw_data() -> None:
    """Or a run without a new asset would settle it."""
    graph = defs.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    apart = ("training", "export", "evaluation")
    made = {node.key.to_user_string() for node in nodes if node.is_materializable and node.group_name not in apart}
    assert made - {"ledger"} == WHOLE


def _materialized(workspace: Workspace, *assets: str) -> Mapping[str, Metadata]:
    simsong = SimSong(home=str(workspace.home))
    resources = {"simsong": simsong, "frames": FrameIOManager(simsong=simsong)}
    with dg.instance_for_test() as instance:
        selection = dg.AssetSelection.assets(*assets)
        result = dg.materialize(defs.assets or [], selection=selection, resources=resources, instance=instance)
    events = result.get_asset_materialization_events()
    return {e.asset_key.to_user_string(): e.materialization.metadata for e in events}  # type: ignore[union-attr]


def test_raw_data_that_were_listed_and_not_read_are_not_vouched_for(run_copy: Workspace) -> None:
    """A song that came before the listing, and that nothing after it read, would never be heard."""
    refresh(run_of(run_copy))
    sorted((run_copy.raw / "audio").rglob("*.flac"))[0].unlink()
    made = _materialized(run_copy, "raw_files", "ledger")
    assert made["ledger"]["settled"].value is False
    assert _command(run_copy)[0].unchanged == 43


def test_the_first_asset_by_hand_lists_what_did_not_change(run_copy: Workspace) -> None:
    refresh(run_of(run_copy))
    made = _materialized(run_copy, "raw_files")
    files = sum(p.is_file() for p in run_copy.raw.rglob("*"))
    assert made["raw_files"]["dagster/row_count"].value == files
