"""What Dagster says of a failed step: the command's own line first, no secret, and the next run goes on."""

import ast
import resource
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from conftest import SMALL_CONFIG
from loopback import reply, serve

from dagster_project.definitions import defs
from dagster_project.failing import telling
from dagster_project.io_manager import FrameIOManager
from dagster_project.resources import SimSong
from simsong_pipeline.cli import main
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.stages import catalogue_stages

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
PROJECT = Path(__file__).resolve().parents[1] / "dagster_project"
KEY = "c4nary/qdrant-key+of=this-test"
ASSETS = list(defs.assets or [])


def _resources(home: Path, **more: str) -> dict[str, object]:
    simsong = SimSong(home=str(home), **more)
    return {"simsong": simsong, "frames": FrameIOManager(simsong=simsong)}


class Ran:
    """A run of some assets, and what Dagster keeps of it."""

    def __init__(self, assets: list[dg.AssetsDefinition], home: Path, selection: object = None, **more: str) -> None:
        with dg.instance_for_test() as instance:
            self.result = dg.materialize(
                assets,
                selection=selection,  # type: ignore[arg-type]
                resources=_resources(home, **more),
                instance=instance,
                raise_on_error=False,
            )
            records = instance.get_records_for_run(self.result.run_id).records
            self.log = "\n".join(record.event_log_entry.to_json() for record in records)

    @property
    def failure(self) -> Any:
        (event,) = [e for e in self.result.all_events if e.is_step_failure]
        return event.step_failure_data


def test_every_asset_check_and_frame_tells_its_reason() -> None:
    """Or a new one would show a library's error as it is."""
    silent = []
    for path in PROJECT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                names = [ast.unparse(d).partition("(")[0] for d in node.decorator_list]
                is_step = bool({"dg.asset", "dg.multi_asset", "dg.asset_check"} & set(names))
                if (is_step or node.name in ("handle_output", "load_input")) and "telling" not in names:
                    silent.append(f"{path.name}:{node.name}")
    assert silent == []


@pytest.mark.parametrize("step", ["raw_files", "msd_tracks"])
def test_failed_step_begins_with_the_line_of_the_command(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nowhere"
    words = ["simsong", "run", "--raw", str(missing), "--home", str(tmp_path / "a")]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit):
        main.main()
    line = capsys.readouterr().err.splitlines()[-1].removeprefix("error: ")
    failure = Ran(ASSETS, tmp_path / "b", dg.AssetSelection.assets(step), raw=str(missing)).failure
    assert str(missing) in line
    assert failure.user_failure_data.description == line
    assert failure.error.message.splitlines()[0] == f"Failure: {line}"


def test_input_that_is_not_there_begins_with_its_reason(tmp_path: Path) -> None:
    failure = Ran(ASSETS, tmp_path, dg.AssetSelection.assets("splits")).failure
    assert failure.error.message.startswith("Failure: ")
    assert str(tmp_path) in failure.error.message.splitlines()[0]


def test_mistake_in_the_program_keeps_its_traceback(tmp_path: Path) -> None:
    @dg.asset
    @telling
    def wrong() -> None:
        raise ZeroDivisionError("a mistake")

    failure = Ran([wrong], tmp_path).failure
    assert failure.error.cause.message == "ZeroDivisionError: a mistake\n"
    assert "in wrong" in failure.error.cause.to_string()


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", KEY)


@pytest.mark.usefixtures("_key")
@pytest.mark.parametrize("is_caught", [True, False])
def test_error_of_a_library_that_quotes_a_key_is_shown_without_it(tmp_path: Path, is_caught: bool) -> None:
    @dg.asset
    @telling
    def asked() -> None:
        try:
            raise ValueError(f"illegal header b'{KEY}'")
        except ValueError as error:
            if is_caught:
                raise KeyError("while asking") from error
            raise

    @dg.multi_asset(outs={"one": dg.AssetOut(), "two": dg.AssetOut()})
    @telling
    def several() -> Iterator[dg.Output]:
        yield dg.Output(1, "one")
        raise ValueError(f"illegal header b'{KEY}'")

    for asset in (asked, several):
        ran = Ran([asset], tmp_path)
        assert KEY not in ran.log
        assert not ran.result.success
        assert ran.failure.error.message.startswith(("Failure: ValueError", "Failure: KeyError"))


class Echoing:
    """A server that fails and says what it was asked with, the key among it."""

    address = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        reply(f"oops: {handler.headers}", 500)(handler)


@pytest.mark.usefixtures("_key")
def test_index_on_a_server_that_fails_and_quotes_the_key(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(Echoing()) as server:  # type: ignore[arg-type]
        monkeypatch.setenv("QDRANT_URL", server.address)
        ran = Ran(ASSETS, run_copy.home, dg.AssetSelection.assets(["wns", "qdrant_collection"]))
    assert server.address in ran.failure.user_failure_data.description
    said = ran.log + "".join(capfd.readouterr())
    assert "500" in said
    assert KEY not in said


def _limited(work: Callable[..., Any], size: int) -> Callable[..., Any]:
    """The function, during which no file grows beyond `size` bytes, as a quota makes it; Dagster's own files do."""

    def working(*arguments: Any, **named: Any) -> Any:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            return work(*arguments, **named)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return working


@pytest.mark.parametrize("step", ["features", "frame"])
def test_disk_that_is_full_is_one_line_and_the_next_run_goes_on(
    step: str, sample_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "home")
    shutil.copytree(sample_raw, workspace.raw)
    workspace.save_config(SMALL_CONFIG)
    raw = dg.AssetSelection.groups("raw") | dg.AssetSelection.assets("tracks", "track_exclusions")
    assert Ran(ASSETS, workspace.home, raw).result.success
    selection = dg.AssetSelection.assets("audio", "segment_features", "descriptions")
    with monkeypatch.context() as full:
        if step == "features":
            full.setattr(catalogue_stages, "make_audio", _limited(catalogue_stages.make_audio, 3_000))
        else:
            full.setattr(Workspace, "write", _limited(Workspace.write, 300))
        reason = Ran(ASSETS, workspace.home, selection).failure.user_failure_data.description
    assert "no room on the disk" in reason
    assert "make room" in reason
    assert "\n" not in reason
    assert not list(workspace.home.rglob("*.part"))
    assert Ran(ASSETS, workspace.home, selection).result.success
    assert workspace.read("segment_features").height == 44
