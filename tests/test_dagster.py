"""The Dagster project: it loads, the whole lineage materializes, checks block, the night is skipped in time."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Mapping
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
from dagster_project.metadata import MOST_BUCKETS, Speed, by_bucket, failures, outcome, table
from dagster_project.resources import SimSong
from dagster_project.schedules import nightly_job, nightly_schedule
from dagster_project.upkeep import verification, weekly_verification
from simsong_pipeline.buckets import Buckets
from simsong_pipeline.config import VARIANTS
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.model_files import ModelFiles, QualityRecord
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.sample.generate import read_description
from simsong_pipeline.sources.source import SourceConfig

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
    assert _keys("features") == {"segment_features", "descriptions", "lyric_embeddings"}
    assert _keys("training") == {f"{v}/encoder" for v in VARIANTS}
    assert _keys("export") == {f"{v}/onnx_encoder" for v in VARIANTS}
    assert _keys("embeddings") == {f"{v}/track_vectors" for v in VARIANTS}
    assert _keys("index") == {*(f"{v}/qdrant_collection" for v in VARIANTS), "ledger"}
    assert {"recall_at_10", "precision_at_10", "retrieval_report"} <= _keys("evaluation")


def test_each_asset_says_what_it_is_whose_and_of_what() -> None:
    specs = [spec for asset in defs.assets or [] for spec in asset.specs]  # type: ignore[union-attr]
    assert len(specs) > 20
    assert {tuple(spec.owners) for spec in specs} == {("team:simsong",)}
    assert [spec.key.to_user_string() for spec in specs if not spec.kinds] == []
    assert [spec.key.to_user_string() for spec in specs if not spec.description] == []


def test_code_is_served_without_what_learns_and_decodes() -> None:
    heavy = "{'torch', 'sklearn', 'matplotlib', 'onnxruntime'}"
    code = f"import sys, dagster_project.definitions; print(*({heavy} & {{*sys.modules}}))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []


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


def _verify(workspace: Workspace) -> dg.ExecuteInProcessResult:
    resources = {"simsong": SimSong(home=str(workspace.home))}
    return verification.execute_in_process(resources=resources, raise_on_error=False)


@pytest.mark.slow
def test_the_weekly_look_passes_a_whole_home_and_names_what_is_damaged(run_copy: Workspace) -> None:
    assert _verify(run_copy).success
    with run_copy.store(SMALL_CONFIG.store) as store:
        name = store.aliases()["simsong"]
        store.delete(name, [min(store.hashes(name))])
    failed = _verify(run_copy)
    assert not failed.success
    error = failed.failure_data_for_node("verify").error  # type: ignore[union-attr]
    assert "holds 43 songs in place of 44" in str(error)
    assert "simsong refresh" in str(error)


def test_the_weekly_look_is_on_a_schedule_of_its_own() -> None:
    assert weekly_verification.cron_schedule == "0 6 * * 0"
    assert weekly_verification.execution_timezone == nightly_schedule.execution_timezone
    assert {"nightly_schedule", "weekly_verification"} == {s.name for s in defs.schedules or []}


def test_asset_bodies_are_short() -> None:
    long = []
    for path in (PROJECT / "assets").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any("asset" in ast.unparse(d) for d in node.decorator_list):
                length = (node.end_lineno or 0) - node.body[0].lineno + 1
                long += [f"{path.name}:{node.name} {length}"] if length > 20 else []
    assert long == []


Project = tuple[Workspace, dict[str, object]]
Told = dict[str, Mapping[str, dg.MetadataValue]]


@pytest.fixture
def small_project(sample_raw: Path, tmp_path: Path) -> Project:
    """Resources on a copy of the small sample."""
    return _project(sample_raw, tmp_path)


def _project(sample_raw: Path, folder: Path) -> Project:
    workspace = Workspace(folder / "home")
    shutil.copytree(sample_raw, workspace.raw)
    config = folder / "small.toml"
    encoder, train = SMALL_CONFIG.encoder, SMALL_CONFIG.train
    config.write_text(
        '[encoder]\nkind = "convolution"\n'
        f"stem_channels = {encoder.stem_channels}\nwidths = [16, 24]\ndepths = [1, 1]\nembedding_dim = 16\n"
        f"[train]\nsteps = {train.steps}\nbatch_size = 8\nwarmup_steps = 1\nvalidate_every = 3\n"
    )
    simsong = SimSong(home=str(workspace.home), config_file=str(config))
    return workspace, {"simsong": simsong, "frames": FrameIOManager(simsong=simsong)}


ASSETS = [*(defs.assets or []), *checks.CHECKS]


@pytest.fixture(scope="module")
def whole(sample_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dg.ExecuteInProcessResult]:
    """Everything materialized on the small sample."""
    project = _project(sample_raw, tmp_path_factory.mktemp("whole"))
    return project, dg.materialize(ASSETS, resources=project[1], raise_on_error=False)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def told(whole: tuple[Project, dg.ExecuteInProcessResult]) -> Told:
    """What each asset showed when all was new; the index as it is where the model is good."""
    (workspace, _), result = whole
    _pass(workspace)
    shutil.rmtree(workspace.home / "qdrant", ignore_errors=True)
    return _told(result) | _told(_materialize(whole[0], dg.AssetSelection.groups("index")))


@pytest.fixture(scope="module")
def told_again(whole: tuple[Project, dg.ExecuteInProcessResult], told: Told) -> Told:
    """What they showed when nothing had changed."""
    groups = dg.AssetSelection.groups("features", "embeddings", "index")
    return _told(_materialize(whole[0], groups | dg.AssetSelection.assets("audio", "lyrics")))


def _materialize(project: Project, selection: dg.AssetSelection, **options: object) -> dg.ExecuteInProcessResult:
    return dg.materialize(defs.assets or [], selection=selection, resources=project[1], **options)  # type: ignore[arg-type]


def _told(result: dg.ExecuteInProcessResult) -> Told:
    events = [e.materialization for e in result.get_asset_materialization_events()]
    return {event.asset_key.to_user_string(): event.metadata for event in events}


def _pass(workspace: Workspace) -> None:
    """As if the models had been found to be better than chance."""
    for variant in VARIANTS:
        files = ModelFiles(workspace.model(variant))
        files.write_quality(QualityRecord(files.export().model_version, True, ""))


def test_everything_materializes_in_one_run(whole: tuple[Project, dg.ExecuteInProcessResult]) -> None:
    (workspace, _), result = whole
    evaluations = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    failed = {name for name, passed in evaluations.items() if not passed}
    # A model of six steps may well be no better than chance; everything else holds.
    assert failed <= {"better_than_chance"}
    assert workspace.report.is_file()
    assert len(evaluations) == 6
    metadata = result.asset_materializations_for_node("recall_at_10")[0].metadata
    assert {"wns_fused/value", "wns_fused/ci_low", "wns_fused/chance", "wns_fused/oracle"} <= set(metadata)


WORKERS = {
    # Of 46 tracks one has no recording and one a truncated one; lyrics are an HTML page in one case.
    "audio": ("decoded", 45, 0, 2),
    "segment_features": ("decoded", 45, 0, 2),
    "lyrics": ("cleaned", 39, 6, 1),
    "lyric_embeddings": ("embedded", 39, 0, 1),
    **{f"{v}/track_vectors": ("embedded", 44, 0, 2) for v in VARIANTS},
    **{f"{v}/qdrant_collection": ("upserted", 44, 0, 2) for v in VARIANTS},
}


@pytest.mark.parametrize("asset", WORKERS)
def test_asset_shows_what_it_did_and_what_failed(told: Told, asset: str) -> None:
    verb, *expected = WORKERS[asset]
    assert [told[asset][name].value for name in (verb, "skipped", "failed")] == expected


@pytest.mark.parametrize("asset", WORKERS)
def test_asset_shows_its_speed(told: Told, asset: str) -> None:
    assert told[asset]["songs_per_s"].value > 0  # type: ignore[operator]


@pytest.mark.parametrize("asset", [a for a in WORKERS if a != "lyrics"])  # which are cleaned anew each time
def test_asset_shows_what_it_skipped(told_again: Told, asset: str) -> None:
    verb, before, *_ = WORKERS[asset]
    assert [told_again[asset][name].value for name in (verb, "skipped")] == [0, before]


BY_BUCKET = [asset for asset in WORKERS if asset != "lyrics"]


@pytest.mark.parametrize("asset", BY_BUCKET)
def test_asset_shows_the_buckets_that_it_worked_on(told: Told, asset: str) -> None:
    verb, done, _, failed = WORKERS[asset]
    rows = _rows(told[asset]["by_bucket"])
    assert rows[0] == ["bucket", "songs", verb, "failed"]
    numbers = [[int(cell) for cell in row] for row in rows[1:]]
    assert len({row[0] for row in numbers}) == len(numbers)
    assert told[asset]["buckets_changed"].value == sum(row[2] > 0 for row in numbers)
    assert [sum(row[place] for row in numbers) for place in (2, 3)] == [done, failed]
    assert all(row[1] >= row[2] for row in numbers)


@pytest.mark.parametrize("asset", BY_BUCKET)
def test_buckets_without_work_or_failures_are_not_shown(told_again: Told, asset: str) -> None:
    _, _, _, failed = WORKERS[asset]
    assert told_again[asset]["buckets_changed"].value == 0
    assert sum(int(row[3]) for row in _rows(told_again[asset]["by_bucket"])[1:]) == failed


def _rows(shown: dg.MetadataValue) -> list[list[str]]:
    """Of a table, without the line below its header."""
    lines = str(shown.value).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:1] + lines[2:]]


IDS = [f"TR{number}" for number in range(200)]


def _in(bucket: int) -> list[str]:
    return [track_id for track_id in IDS if Buckets(4).of(track_id) == bucket]


def test_buckets_are_shown_by_what_failed_and_what_was_done() -> None:
    shown = by_bucket(Buckets(4), IDS, "heard", {0: 2, 1: 5, 2: 0}, _in(3)[:1])
    here = [len(_in(bucket)) for bucket in range(4)]
    assert shown["buckets_changed"] == 2
    expected = [["3", here[3], 0, 1], ["1", here[1], 5, 0], ["0", here[0], 2, 0]]
    assert _rows(shown["by_bucket"])[1:] == [[str(cell) for cell in row] for row in expected]  # type: ignore[arg-type]


def test_no_more_buckets_are_shown_than_a_person_reads() -> None:
    done = {bucket: 1 for bucket in range(MOST_BUCKETS + 3)}
    text = str(by_bucket(Buckets(256), [], "heard", done, [])["by_bucket"].value)  # type: ignore[union-attr]
    assert text.count("| 1 | 0 |") == MOST_BUCKETS
    assert text.endswith("3 more")


def test_no_table_of_buckets_is_shown_where_nothing_was_done() -> None:
    assert by_bucket(Buckets(4), IDS, "heard", {}, []) == {"buckets_changed": 0}


def test_lyrics_show_why_songs_are_skipped(told: Told) -> None:
    assert [told["lyrics"][name].value for name in ("instrumental", "missing")] == [5, 1]


@pytest.mark.parametrize(
    ("asset", "fault", "reason"),
    [
        ("audio", "truncated", "truncated"),
        ("audio", "missing_audio", "file is missing"),
        ("segment_features", "truncated", "truncated"),
        ("lyrics", "html_lyrics", "an HTML page"),
        ("lyric_embeddings", "html_lyrics", "an HTML page"),
        ("wns/track_vectors", "truncated", "truncated"),
        ("wns/qdrant_collection", "missing_audio", "file is missing"),
    ],
)
def test_planted_fault_is_shown_with_its_reason(
    whole: tuple[Project, object], told: Told, asset: str, fault: str, reason: str
) -> None:
    faults: dict[str, str] = read_description(whole[0][0].raw)["faults"]  # type: ignore[assignment]
    lines = str(told[asset]["failures"].value).replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert [reason in line for line in lines if faults[fault] in line] == [True]


def test_sentence_in_a_table_is_broken_into_lines_not_words() -> None:
    frame = pl.DataFrame({"reason": ["truncated: 2.6 s decoded, the\ncontainer says 6.8 s"]})
    text = str(table(frame).value).replace("\N{NO-BREAK SPACE}", "_")
    assert "| truncated:_2.6_s_decoded,_the container_says_6.8_s |" in text


def test_no_table_is_shown_where_nothing_failed() -> None:
    assert "failures" not in outcome("embedded", 3, 0, pl.DataFrame({"track_id": []}), Speed())


def _failed(*rows: tuple[str, str, str | None]) -> list[str]:
    audio = pl.DataFrame(rows, schema=["track_id", "status", "reason"], orient="row")
    return failures(audio, audio.filter(status="ok"))["track_id"].to_list()


def test_copy_of_a_recording_has_not_failed() -> None:
    copy = "the same recording as a.flac (2% of the fingerprint differs)"
    assert _failed(("a", "ok", None), ("b", "invalid", copy), ("c", "invalid", "truncated")) == ["c"]


def test_missing_recordings_do_not_hide_broken_ones() -> None:
    assert _failed(("a", "missing", "file is missing"), ("b", "invalid", "truncated")) == ["b", "a"]


def test_failed_check_keeps_vectors_out_of_the_index(
    small_project: Project, finished_run: tuple[Workspace, object]
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


def test_frames_are_those_of_the_command_line(small_project: Project, finished_run: tuple[Workspace, object]) -> None:
    workspace, resources = small_project
    names = ("raw_files", "msd_tracks", "lastfm_similarity", "lastfm_tags", "lastfm_exclusions", "tracks")
    selection = dg.AssetSelection.assets(*names, "track_exclusions")
    assert dg.materialize(defs.assets or [], selection=selection, resources=resources).success  # type: ignore[arg-type]
    for name in ("lastfm_similarity", "tracks"):
        assert workspace.read(name).equals(finished_run[0].read(name))


def test_run_that_began_by_reading_is_overtaken_by_the_next(whole: tuple[Project, dg.ExecuteInProcessResult]) -> None:
    """A re-execution of the index alone has read its frames when a night begins and ends; then it would write them."""
    workspace, resources = whole[0]
    _pass(workspace)
    selection = dg.AssetSelection.assets(["wns", "qdrant_collection"])
    read, loaded = FrameIOManager.load_input, []

    def read_and_be_overtaken(manager: FrameIOManager, context: dg.InputContext) -> pl.DataFrame:
        frame = read(manager, context)
        loaded.append(context.asset_key)
        if len(loaded) == 5:  # all that the index is made of
            Workspace(workspace.home).fence.claim("a night")  # as if this run had been taken for dead
        return frame

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FrameIOManager, "load_input", read_and_be_overtaken)
        result = _materialize((workspace, resources), selection, raise_on_error=False)
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert "overtaken: run a night" in str(failure.step_failure_data.error)


def test_divided_artist_fails_its_check() -> None:
    splits = pl.DataFrame({"track_id": ["a", "b"], "split": ["train", "test"]})
    tracks = pl.DataFrame({"track_id": ["a", "b"], "artist_id": ["x", "x"]})
    assert not checks.artists_are_disjoint(splits=splits, tracks=tracks).passed


def test_environment_configures_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIMSONG_HOME", str(tmp_path))
    monkeypatch.setenv("SIMSONG_RELEVANCE", "artist")
    assert SimSong().workspace().home == tmp_path
    assert SimSong().config().evaluation.relevance == "artist"


@pytest.mark.parametrize("by", ["field", "environment"])
def test_engine_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str) -> None:
    given = {"engine": "ray", "engine_address": "head:6379"}
    for name, value in given.items() if by == "environment" else ():
        monkeypatch.setenv(f"SIMSONG_{name.upper()}", value)
    engine = SimSong(home=str(tmp_path), **given if by == "field" else {}).config().engine
    assert (engine.kind, engine.address) == ("ray", "head:6379")


def test_engine_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIMSONG_ENGINE", "spark")
    with pytest.raises(RawDataError, match=r"engine\.kind.*'spark'"):
        SimSong(home=str(tmp_path)).config()


def test_nothing_has_to_be_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SIMSONG_HOME", "SIMSONG_RAW", "SIMSONG_MANIFEST", "SIMSONG_RELEVANCE", "SIMSONG_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert SimSong().workspace().home == Path("simsong-data")
    assert SimSong().source() == SourceConfig()


def test_a_new_home_gets_the_buckets_that_are_asked_for(small_project: Project, tmp_path: Path) -> None:
    workspace, _ = small_project
    (tmp_path / "own.toml").write_text("[home]\nbuckets = 4\n")
    simsong = SimSong(home=str(workspace.home), config_file=str(tmp_path / "own.toml"))
    resources = {"simsong": simsong, "frames": FrameIOManager(simsong=simsong)}
    _materialize((workspace, resources), dg.AssetSelection.assets("raw_files"))
    assert workspace.buckets == Buckets(4)


def _home_of_a_manifest(folder: Path) -> Workspace:
    workspace = Workspace(folder / "home")
    workspace.home.mkdir()
    workspace.save_source(SourceConfig(manifest=folder / "songs.csv"))
    return workspace


def test_raw_data_are_those_of_the_last_run(tmp_path: Path) -> None:
    workspace = _home_of_a_manifest(tmp_path)
    assert SimSong(home=str(workspace.home)).source() == workspace.load_source()


def test_raw_data_that_are_named_replace_those_of_the_last_run(tmp_path: Path) -> None:
    workspace = _home_of_a_manifest(tmp_path)
    assert SimSong(home=str(workspace.home), raw="mine").source() == SourceConfig(raw=Path("mine").absolute())


def _raw_files(workspace: Workspace) -> str:
    """Why it fails: the data that the home is of are not there."""
    resources = {"simsong": SimSong(home=str(workspace.home), sample_songs=8, sample_artists=4)}
    project = workspace, resources | {"frames": dg.mem_io_manager}
    result = _materialize(project, dg.AssetSelection.assets("raw_files"), raise_on_error=False)
    return str(result.failure_data_for_node("raw_files").error)  # type: ignore[union-attr]


def test_no_sample_is_written_into_the_home_of_a_manifest(tmp_path: Path) -> None:
    workspace = _home_of_a_manifest(tmp_path)
    assert "songs.csv" in _raw_files(workspace)
    assert not workspace.raw.exists()


def test_no_sample_is_written_over_tracks_that_nobody_names_now(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    workspace.write("msd_tracks", pl.DataFrame({"track_id": ["T1"], "unreadable": [None]}))
    assert "no raw data" in _raw_files(workspace)
    assert not workspace.raw.exists()


@pytest.mark.parametrize("value", ["1", "", "0"])
def test_environment_may_accept_a_shrunken_catalogue(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.setenv("SIMSONG_ACCEPT_SHRINK", value)
    assert SimSong(home=str(tmp_path)).meant().accept_shrink == (value == "1")


@pytest.mark.parametrize("accepted", [True, False])
def test_launchpad_may_accept_a_shrunken_catalogue(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch, accepted: bool
) -> None:
    _pass(run_copy)
    run_copy.write("wns/track_vectors", run_copy.read("wns/track_vectors").head(8))
    monkeypatch.setenv("SIMSONG_HOME", str(run_copy.home))
    result = _materialize(
        (run_copy, {"simsong": SimSong(), "frames": FrameIOManager(simsong=SimSong())}),
        dg.AssetSelection.assets(["wns", "qdrant_collection"]),
        run_config={"resources": {"simsong": {"config": {"accept_shrink": accepted}}}},
        raise_on_error=False,
    )
    assert result.success == accepted
