"""Backups of a home: whole and of one moment, told from damaged ones, put back at once or not at all."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import QUIET, SMALL_CONFIG, run_of
from typer.testing import CliRunner

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import NOT_REMEMBERED, PipelineConfig
from simsong_pipeline.errors import BusyError, RawDataError, SimSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.locks import NotedLock
from simsong_pipeline.runs import backup as backup_module
from simsong_pipeline.runs import home_files
from simsong_pipeline.runs import restore as restore_module
from simsong_pipeline.runs.backup import back_up
from simsong_pipeline.runs.backup_manifest import MANIFEST, read_manifest
from simsong_pipeline.runs.exchange import aside_of, exchange
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.restore import restore

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FILES = {
    "config.json": PipelineConfig().model_dump_json(exclude=NOT_REMEMBERED).encode(),
    "never.txt": b"",
    "frames/tracks.parquet": b"tracks" * 1_000,
    "frames/wns/track_vectors/b-1.parquet": os.urandom(9_000),
    "features/bucket-00.f16": bytes(300_000),
    "qdrant/meta.json": b'{"collections": {}, "aliases": {}}',
    "raw/Björk – ¿Qué?.ogg": b"music",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Files as a home has them, and what is no part of it."""
    for name, data in FILES.items():
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(10**18, 10**18 + len(data)))
    for name in (".lock", "qdrant/.simsong.lock", ".night.holder", "serving/x/copy", "frames/.a.part", "snapshots/s"):
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not this")
    return tmp_path / "home"


def _back_up(home: Path, target: Path, **more: Any) -> Any:
    return back_up(Workspace(home, wait_s=0), PipelineConfig(), target, more.get("with_index", True), NOW, QUIET)


def _restore(source: Path, home: Path, replaces: bool = False) -> Any:
    return restore(source, home, None, replaces, True, QUIET)


def _content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".lock")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_home_comes_back_file_by_file_with_its_times(home: Path, tmp_path: Path) -> None:
    made = _back_up(home, tmp_path / "copy")
    assert (made.files, made.bytes, made.index) == (len(FILES), sum(map(len, FILES.values())), "home")
    done = _restore(tmp_path / "copy", tmp_path / "again")
    assert done.made == "2026-03-04T05:06:07+00:00"
    assert _content(tmp_path / "again") == FILES
    for name, data in FILES.items():
        assert (tmp_path / "again" / name).stat().st_mtime_ns == 10**18 + len(data)
    assert _left(tmp_path) == ["again", "copy", "home"]


def test_without_its_index_a_home_comes_back_without_it(home: Path, tmp_path: Path) -> None:
    assert _back_up(home, tmp_path / "copy", with_index=False).index == "none"
    assert _restore(tmp_path / "copy", tmp_path / "again").index == "none"
    assert set(_content(tmp_path / "again")) == {name for name in FILES if not name.startswith("qdrant/")}


@pytest.mark.parametrize("name", [*(f"home/{name}" for name, data in FILES.items() if data), MANIFEST])
@pytest.mark.parametrize("harm", ["flipped", "shorter", "gone"])
def test_a_damaged_backup_is_refused_by_the_file_s_name_and_nothing_changes(
    name: str, harm: str, home: Path, tmp_path: Path
) -> None:
    _back_up(home, tmp_path / "copy")
    path = tmp_path / "copy" / name
    data = path.read_bytes()
    # In the manifest a number: white space is no content.
    at = data.index(b'"size": ') + 8 if name == MANIFEST else len(data) // 2
    flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(flipped if harm == "flipped" else data[:-1])
    before = _content(home)
    for target, replaces in ((tmp_path / "again", False), (home, True)):
        with pytest.raises(RawDataError, match=re.escape(name)) as caught:
            _restore(tmp_path / "copy", target, replaces)
        assert "\n" not in str(caught.value)
    assert _content(home) == before
    assert not _content(tmp_path / "again")
    assert _left(tmp_path) in (["again", "copy", "home"], ["copy", "home"])


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "home/../../outside", "other/file"])
def test_a_manifest_that_leads_elsewhere_is_refused(name: str, home: Path, tmp_path: Path) -> None:
    _back_up(home, tmp_path / "copy")
    told = json.loads((tmp_path / "copy" / MANIFEST).read_text())
    told["backup"]["files"][name] = told["backup"]["files"]["home/config.json"]
    _rewrite(tmp_path / "copy", told["backup"])
    with pytest.raises(RawDataError, match="is not what this version"):
        _restore(tmp_path / "copy", tmp_path / "again")


def test_a_backup_of_a_later_version_is_told_as_such(home: Path, tmp_path: Path) -> None:
    _back_up(home, tmp_path / "copy")
    told = json.loads((tmp_path / "copy" / MANIFEST).read_text())
    _rewrite(tmp_path / "copy", told["backup"] | {"format": 2, "more": 1})
    with pytest.raises(RawDataError, match=r"of a later version of SimSong \(format 2\)"):
        _restore(tmp_path / "copy", tmp_path / "again")


def _rewrite(folder: Path, content: dict[str, Any]) -> None:
    from simsong_pipeline.files import sha256_of, write_json

    write_json(folder / MANIFEST, {"backup": content, "sha256": sha256_of(content)})


def test_a_home_that_is_not_empty_makes_room_only_where_that_is_said(home: Path, tmp_path: Path) -> None:
    _back_up(home, tmp_path / "copy")
    other = tmp_path / "other"
    (other / "frames").mkdir(parents=True)
    (other / "frames" / "mine.parquet").write_bytes(b"mine")
    with pytest.raises(RawDataError, match=r"other is not empty: name another --home, or --replace it"):
        _restore(tmp_path / "copy", other)
    assert _content(other) == {"frames/mine.parquet": b"mine"}
    _restore(tmp_path / "copy", other, replaces=True)
    assert _content(other) == FILES
    assert _left(tmp_path) == ["copy", "home", "other"]


def test_a_home_that_a_run_holds_is_neither_copied_nor_replaced(home: Path, tmp_path: Path) -> None:
    _back_up(home, tmp_path / "copy")
    with NotedLock(home / ".lock", "the home", "wait").held(0):
        for act in (lambda: _back_up(home, tmp_path / "second"), lambda: _replace(tmp_path / "copy", home)):
            with pytest.raises(BusyError, match="in use"):
                act()
    assert _left(tmp_path) == ["copy", "home"]


def _replace(source: Path, home: Path) -> None:
    os.environ["SIMSONG_WAIT_S"] = "0"
    try:
        _restore(source, home, replaces=True)
    finally:
        del os.environ["SIMSONG_WAIT_S"]


def test_an_index_that_is_in_use_is_waited_for(home: Path, tmp_path: Path) -> None:
    config = PipelineConfig()
    config = config.model_copy(update={"store": config.store.model_copy(update={"wait_s": 0.0})})
    held = NotedLock(home / "qdrant" / ".simsong.lock", "the index", "wait").held(0)
    with held, pytest.raises(BusyError, match="Qdrant in"):
        back_up(Workspace(home), config, tmp_path / "copy", True, NOW, QUIET)
    assert _left(tmp_path) == ["home"]


@pytest.mark.parametrize(
    ("target", "message"),
    [("there", "is there already"), ("there/file", "is there already"), ("home/copy", "lies in the home")],
)
def test_places_where_no_backup_can_lie_are_named(target: str, message: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine")
    with pytest.raises(RawDataError, match=message):
        _back_up(home, tmp_path / target)


def test_an_empty_home_and_a_folder_that_is_no_backup_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RawDataError, match=r"nothing to back up under .*empty"):
        _back_up(tmp_path / "empty", tmp_path / "copy")
    with pytest.raises(RawDataError, match=r"empty is no whole backup: there is no backup\.json in it"):
        _restore(tmp_path / "empty", tmp_path / "again")


def test_a_mount_point_is_told_because_it_cannot_be_exchanged(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _back_up(home, tmp_path / "copy")
    (tmp_path / "volume").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "volume")
    with pytest.raises(RawDataError, match="volume is a mount point"):
        _restore(tmp_path / "copy", tmp_path / "volume")


def test_what_changes_while_it_is_copied_is_copied_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied, more = home_files.copy_file, iter([b"second", b"third"])

    def then_changes(source: Path, target: Path) -> None:
        copied(source, target)
        if source.name == "tracks.parquet" and (data := next(more, None)) is not None:
            source.write_bytes(data)
            (home / "raw" / "Björk – ¿Qué?.ogg").unlink(missing_ok=True)
            (home / "raw" / f"{data.decode()}.ogg").write_bytes(b"came")

    monkeypatch.setattr(home_files, "copy_file", then_changes)
    _back_up(home, tmp_path / "copy")
    monkeypatch.undo()
    _restore(tmp_path / "copy", tmp_path / "again")
    wanted = {name: data for name, data in FILES.items() if not name.startswith("raw/")}
    wanted |= {"frames/tracks.parquet": b"third", "raw/second.ogg": b"came", "raw/third.ogg": b"came"}
    assert _content(tmp_path / "again") == wanted


def test_a_home_that_never_rests_is_told(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied, count = home_files.copy_file, iter(range(1_000))

    def then_changes(source: Path, target: Path) -> None:
        copied(source, target)
        (home / "never.txt").write_text(f"song {next(count)}")

    monkeypatch.setattr(home_files, "copy_file", then_changes)
    with pytest.raises(BusyError, match="go on changing"):
        _back_up(home, tmp_path / "copy")
    assert _left(tmp_path) == ["home"]


def test_a_full_disk_leaves_nothing_behind(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _back_up(home, tmp_path / "copy")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(home_files, "copy_file", full)
    for act in (lambda: _back_up(home, tmp_path / "second"), lambda: _restore(tmp_path / "copy", tmp_path / "again")):
        with pytest.raises(SimSongError, match="no room on the disk"):
            act()
    assert [path for path in tmp_path.rglob(".*.backup")] + [path for path in tmp_path.rglob(".*.restore")] == []
    assert not _content(tmp_path / "again")


@pytest.mark.parametrize("at_once", [True, False])
def test_two_folders_take_each_other_s_name(at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not at_once:
        monkeypatch.setattr(sys, "platform", "another")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    exchange(tmp_path / "one", tmp_path / "other")
    assert [(tmp_path / name / "file").read_text() for name in ("one", "other")] == ["other", "one"]
    assert _left(tmp_path) == ["one", "other"]


def test_a_home_that_a_killed_restore_left_aside_comes_back(home: Path, tmp_path: Path) -> None:
    _back_up(home, tmp_path / "copy")
    before = _content(home)
    home.rename(aside_of(home))
    with pytest.raises(RawDataError, match="is not empty"):
        _restore(tmp_path / "copy", home)
    assert _content(home) == before


# What kills itself, in which module, at which call.
KILLS: dict[str, tuple[str, str, int]] = {
    "backup, copying": ("home_files", "copy_file", 4),
    "backup, at its manifest": ("backup", "write_manifest", 1),
    "restore, copying": ("home_files", "copy_file", 4),
    "restore, at the exchange": ("restore", "exchange", 1),
}
PROGRAM = """
import os, sys
from simsong_pipeline.cli import main
from simsong_pipeline.runs import backup, home_files, restore
module = {"backup": backup, "home_files": home_files, "restore": restore}[sys.argv[1]]
name, left = sys.argv[2], int(sys.argv[3])
whole = getattr(module, name)
def killed(*given):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), 9)
    return whole(*given)
setattr(module, name, killed)
sys.argv[1:4] = []
main.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLS)
def test_a_killed_command_leaves_what_was_and_the_next_one_succeeds(name: str, home: Path, tmp_path: Path) -> None:
    _back_up(home, tmp_path / "copy")
    target, before = tmp_path / "other", {"frames/mine.parquet": b"mine"}
    (target / "frames").mkdir(parents=True)
    (target / "frames" / "mine.parquet").write_bytes(b"mine")
    words = (
        ["backup", str(tmp_path / "second"), "--home", str(home)]
        if name.startswith("backup")
        else ["restore", str(tmp_path / "copy"), "--home", str(target), "--replace"]
    )
    place = [str(part) for part in KILLS[name]]
    environment = {n: v for n, v in os.environ.items() if n != "QDRANT_URL"}
    killed = [sys.executable, "-c", PROGRAM, *place, *words]
    done = subprocess.run(killed, capture_output=True, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "second").exists()
    assert _content(target) == before
    assert any(path.name.endswith((".backup", ".restore")) for path in tmp_path.iterdir())
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    if name.startswith("backup"):
        assert read_manifest(tmp_path / "second").files == read_manifest(tmp_path / "copy").files
    else:
        assert _content(target) == FILES
    assert not [path for path in tmp_path.iterdir() if path.name.endswith((".backup", ".restore"))]


@pytest.mark.parametrize("command", ["backup", "restore"])
@pytest.mark.parametrize("columns", [60, 80])
def test_help_fits_the_screen(command: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = CliRunner().invoke(app, [command, "--help"], terminal_width=columns).output
    assert max(map(len, said.splitlines())) <= columns
    for option in ("--home", "--qdrant-url", "--without-index", "--json"):
        assert option in said


def test_an_address_is_told_what_to_do(home: Path) -> None:
    for words in (["backup", "s3://bucket/copy"], ["restore", "s3://bucket/copy"]):
        result = CliRunner().invoke(app, [*words, "--home", str(home)])
        assert isinstance(result.exception, RawDataError)
        assert "s3://bucket/copy is an address, and a backup is a folder" in str(result.exception)


def _answers(home: Path) -> dict[str, list[tuple[str, float]]]:
    workspace = Workspace(home)
    config = workspace.load_config()
    with workspace.store(config.store) as store:
        songs = Songs(workspace, store, config)
        ids = workspace.read("wns/track_vectors")["track_id"].to_list()[:12]
        found = {i: songs.similar([i], Choice(10)).neighbours for i in ids}
    return {i: [(n.track_id, n.score) for n in neighbours] for i, neighbours in found.items()}


@pytest.mark.parametrize("engine", ["local", pytest.param("edge", marks=pytest.mark.slow)])
def test_a_restored_home_answers_as_before_and_is_whole(engine: str, run_copy: Workspace, tmp_path: Path) -> None:
    invoke: Callable[..., Any] = CliRunner().invoke
    if engine == "edge":
        store = SMALL_CONFIG.store.model_copy(update={"engine": "edge"})
        config = SMALL_CONFIG.model_copy(update={"store": store})
        run_copy.save_config(config)
        refresh(run_of(run_copy, config=config, publish_anyway=True))
    made = invoke(app, ["backup", str(tmp_path / "copy"), "--home", str(run_copy.home), "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["index"] == "home"
    wanted = _answers(run_copy.home)
    done = invoke(app, ["restore", str(tmp_path / "copy"), "--home", str(tmp_path / "again")])
    assert done.exit_code == 0, done.output
    assert "files as of 20" in done.stdout
    assert _answers(tmp_path / "again") == wanted
    verified = invoke(app, ["verify", "--home", str(tmp_path / "again")])
    assert verified.exit_code == 0, verified.output


@pytest.mark.slow
def test_a_home_at_an_address_is_backed_up_and_restored_as_well(
    run_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMSONG_CACHE", str(tmp_path / "cache"))
    wanted = _content(run_copy.home)
    _back_up(run_copy.home, tmp_path / "copy")
    url = f"file://{tmp_path}/bucket/home"
    for words in (["restore", str(tmp_path / "copy")], ["backup", str(tmp_path / "second")]):
        done = CliRunner().invoke(app, [*words, "--home", url])
        assert done.exit_code == 0, (done.output, done.exception)
    _restore(tmp_path / "second", tmp_path / "again")
    ours = {name for name in wanted if not name.endswith((".lock", ".holder"))}
    assert _content(tmp_path / "again") == {name: wanted[name] for name in ours}
    refused = CliRunner().invoke(app, ["restore", str(tmp_path / "copy"), "--home", url])
    assert "is not empty" in str(refused.exception)


def test_modules_that_the_kills_name_are_there() -> None:
    modules = {"home_files": home_files, "backup": backup_module, "restore": restore_module}
    assert all(hasattr(modules[module], name) for module, name, _ in KILLS.values())
