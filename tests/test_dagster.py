"""The Dagster project: it loads, the whole lineage materializes, checks block, the night is skipped in time."""

import ast
import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest
from conftest import SMALL_CONFIG

from dagster_project import checks
from dagster_project.definitions import defs
from dagster_project.io_manager import FrameIOManager
from dagster_project.resources import SimSong
from dagster_project.schedules import nightly_job, nightly_schedule
from simsong_pipeline.config import VARIANTS
from simsong_pipeline.pipeline.workspace import Workspace

pytestmark = pytest.mark.filterwarnings(
    # Dagster's own, from a resource that another one uses.
    "ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning"
)
MIDNIGHT = datetime(2026, 1, 5, 3, tzinfo=ZoneInfo("Europe/Berlin"))
PROJECT = Path(__file__).resolve().parents[1] / "dagster_project"


def _keys(*groups: str) -> set[str]:
    graph = defs.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    return {node.key.to_user_string() for node in nodes if node.group_name in groups}


def test_definitions_load() -> None:
    dg.Definitions.validate_loadable(defs)


def test_lineage_has_the_groups_and_assets_of_the_design() -> None:
    assert _keys("raw") == {
        "raw_files",
        "library_files",
        "msd_tracks",
        "lastfm_similarity",
        "lastfm_tags",
        "lastfm_exclusions",
        "youtube_audio",
        "genius_lyrics",
    }
    assert _keys("features") == {"segment_features", "lyric_embeddings"}
    assert _keys("training") == {f"{v}/encoder" for v in VARIANTS}
    assert _keys("export") == {f"{v}/onnx_encoder" for v in VARIANTS}
    assert _keys("embeddings") == {f"{v}/track_vectors" for v in VARIANTS}
    assert _keys("index") == {f"{v}/qdrant_collection" for v in VARIANTS}
    assert {"recall_at_10", "precision_at_10", "retrieval_report"} <= _keys("evaluation")


def test_nightly_job_does_not_train() -> None:
    nodes = {n.name for n in defs.resolve_job_def(nightly_job.name).nodes}
    assert not {f"{v}__{n}" for v in VARIANTS for n in ("encoder", "onnx_encoder")} & nodes
    assert {f"{v}__track_vectors" for v in VARIANTS} <= nodes


def test_night_is_skipped_while_one_is_in_flight() -> None:
    with dg.instance_for_test() as instance:
        instance.create_run_for_job(defs.resolve_job_def("nightly"), status=dg.DagsterRunStatus.STARTED)
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=MIDNIGHT) as context:
            assert isinstance(nightly_schedule(context), dg.SkipReason)


def test_night_runs_when_none_is_in_flight() -> None:
    with (
        dg.instance_for_test() as instance,
        dg.build_schedule_context(instance=instance, scheduled_execution_time=MIDNIGHT) as context,
    ):
        assert isinstance(nightly_schedule(context), dg.RunRequest)


def test_schedule_states_its_time_zone() -> None:
    assert nightly_schedule.execution_timezone == "Europe/Berlin"


def test_asset_bodies_are_short() -> None:
    long = []
    for path in (PROJECT / "assets").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any("asset" in ast.unparse(d) for d in node.decorator_list):
                length = (node.end_lineno or 0) - node.body[0].lineno + 1
                long += [f"{path.name}:{node.name} {length}"] if length > 20 else []
    assert long == []


@pytest.fixture
def small_project(sample_raw: Path, tmp_path: Path) -> tuple[Workspace, dict[str, object]]:
    """Resources on a copy of the small sample."""
    workspace = Workspace(tmp_path / "home")
    shutil.copytree(sample_raw, workspace.raw)
    config = tmp_path / "small.toml"
    encoder, train = SMALL_CONFIG.encoder, SMALL_CONFIG.train
    config.write_text(
        f"[encoder]\nstem_channels = {encoder.stem_channels}\nwidths = [16, 24]\ndepths = [1, 1]\nembedding_dim = 16\n"
        f"[train]\nsteps = {train.steps}\nbatch_size = 8\nwarmup_steps = 1\nvalidate_every = 3\n"
    )
    simsong = SimSong(home=str(workspace.home), config_file=str(config))
    return workspace, {"simsong": simsong, "frames": FrameIOManager(simsong=simsong)}


ASSETS = [*(defs.assets or []), *checks.CHECKS]


def test_everything_materializes_in_one_run(small_project: tuple[Workspace, dict[str, object]]) -> None:
    workspace, resources = small_project
    result = dg.materialize(ASSETS, resources=resources, raise_on_error=False)  # type: ignore[arg-type]
    evaluations = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    failed = {name for name, passed in evaluations.items() if not passed}
    # A model of six steps may well be no better than chance; everything else holds.
    assert failed <= {"better_than_chance"}
    assert workspace.report.is_file()
    assert len(evaluations) == 6
    metadata = result.asset_materializations_for_node("recall_at_10")[0].metadata
    assert {"wns_fused/value", "wns_fused/ci_low", "wns_fused/chance", "wns_fused/oracle"} <= set(metadata)


def test_failed_check_keeps_vectors_out_of_the_index(
    small_project: tuple[Workspace, dict[str, object]], finished_run: tuple[Workspace, object]
) -> None:
    workspace, resources = small_project
    shutil.copytree(finished_run[0].home, workspace.home, dirs_exist_ok=True)
    shutil.rmtree(workspace.home / "qdrant")

    @dg.asset_check(asset="metrics", name="never", blocking=True)
    def never() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    result = dg.materialize(
        [*(defs.assets or []), never],
        selection=dg.AssetSelection.groups("index") | dg.AssetSelection.assets("metrics"),
        resources=resources,  # type: ignore[arg-type]
        raise_on_error=False,
    )
    assert not result.success
    assert not (workspace.home / "qdrant").exists()


def test_frames_are_those_of_the_command_line(
    small_project: tuple[Workspace, dict[str, object]], finished_run: tuple[Workspace, object]
) -> None:
    workspace, resources = small_project
    names = ("raw_files", "msd_tracks", "lastfm_similarity", "lastfm_tags", "lastfm_exclusions", "tracks")
    selection = dg.AssetSelection.assets(*names, "track_exclusions")
    assert dg.materialize(defs.assets or [], selection=selection, resources=resources).success  # type: ignore[arg-type]
    for name in ("lastfm_similarity", "tracks"):
        assert workspace.read(name).equals(finished_run[0].read(name))


def test_divided_artist_fails_its_check() -> None:
    splits = pl.DataFrame({"track_id": ["a", "b"], "split": ["train", "test"]})
    tracks = pl.DataFrame({"track_id": ["a", "b"], "artist_id": ["x", "x"]})
    assert not checks.artists_are_disjoint(splits=splits, tracks=tracks).passed


def test_environment_configures_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIMSONG_HOME", str(tmp_path))
    monkeypatch.setenv("SIMSONG_RELEVANCE", "artist")
    assert SimSong().workspace().home == tmp_path
    assert SimSong().config().evaluation.relevance == "artist"


def test_nothing_has_to_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIMSONG_HOME", "SIMSONG_RAW", "SIMSONG_MANIFEST", "SIMSONG_RELEVANCE", "SIMSONG_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    assert SimSong().workspace().home == Path("simsong-data")
    assert SimSong().source().raw is None
