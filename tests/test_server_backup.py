"""Backups of a home whose index is a Qdrant server's, and the service over one."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import NOW, QUIET
from loopback import serve
from qdrant_server import KEY, Fault, QdrantServer
from serving import served
from test_server_faults import config_of, night
from test_service_nights import _ids, _neighbours, _take_away

from simsong_pipeline.errors import RawDataError, StoreError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.backup import back_up
from simsong_pipeline.runs.home_verification import verify_home
from simsong_pipeline.runs.restore import restore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def over_a_server(
    finished_run: tuple[Workspace, object], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Path, QdrantServer]]:
    """A home whose index is a server's, a backup of it, and the server; do not change them."""
    folder = tmp_path_factory.mktemp("over")
    shutil.copytree(finished_run[0].home, folder / "home", ignore=shutil.ignore_patterns("qdrant", "published"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QDRANT_API_KEY", KEY)
        with serve(QdrantServer(KEY)) as server:
            home = Workspace(folder / "home")
            config = config_of(server)
            home.save_config(config)
            night(home, config)
            back_up(home, config, folder / "copy", True, NOW, QUIET)
            yield folder / "home", folder / "copy", server


def _restored(copy: Path, home: Path, server: QdrantServer, replaces: bool = False) -> None:
    restore(copy, home, server.address, replaces, True, QUIET)


def _assert_same(one: QdrantServer, other: QdrantServer) -> None:
    assert one.aliases == other.aliases
    assert set(one.local.collections) == set(other.local.collections)
    for name in one.local.collections:
        assert one.points(name) == other.points(name)
        assert one.settings[name] == other.settings[name]
    assert one.partial == other.partial == []


def test_home_and_collections_come_back_on_another_server(
    over_a_server: tuple[Path, Path, QdrantServer], server: QdrantServer, tmp_path: Path
) -> None:
    _, copy, first = over_a_server
    server.floor = len(first.points("simsong"))
    server.plan = [Fault("torn", at="POST .*/upload"), Fault("lost", at="POST .*/upload"), Fault(503, at="GET .*")]
    _restored(copy, tmp_path / "again", server)
    _assert_same(first, server)
    assert all(moved.songs == server.floor for moved in server.moved)
    assert not any(server.snapshots.values())
    assert not any(first.snapshots.values())
    found = verify_home(Workspace(tmp_path / "again"), server.address, QUIET)
    assert found.damaged == []
    assert night(Workspace(tmp_path / "again"), config_of(server)).upserted == 0
    assert not [path for path in copy.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert server.address not in (copy / "backup.json").read_text()


def test_a_server_that_holds_others_makes_room_only_where_that_is_said(
    over_a_server: tuple[Path, Path, QdrantServer], server: QdrantServer, tmp_path: Path
) -> None:
    _, copy, first = over_a_server
    _restored(copy, tmp_path / "again", server)
    name = server.aliases["simsong"]
    gone = sorted(server.points(name))[:5]
    server.local.delete(name, gone)
    server.floor = len(first.points(name)) - 5
    with pytest.raises(StoreError, match=f"holds other songs in '{name}': --replace them"):
        _restored(copy, tmp_path / "third", server)
    assert not (tmp_path / "third" / "frames").exists()
    # Killed in the midst of it, so that a part serves beside; then once more.
    server.plan = [Fault(500, at=f"POST /collections/{name}/snapshots/upload")]
    with pytest.raises(StoreError, match="refused: 500"):
        _restored(copy, tmp_path / "again", server, replaces=True)
    assert server.partial == []
    assert len(server.points("simsong")) == len(first.points("simsong"))
    assert not (tmp_path / "again" / "published" / name / "published.json").exists()
    _restored(copy, tmp_path / "again", server, replaces=True)
    _assert_same(first, server)


def test_a_damaged_snapshot_is_refused_before_the_server_hears_of_it(
    over_a_server: tuple[Path, Path, QdrantServer], server: QdrantServer, tmp_path: Path
) -> None:
    shutil.copytree(over_a_server[1], tmp_path / "copy")
    path = sorted((tmp_path / "copy" / "index").iterdir())[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    with pytest.raises(RawDataError, match=f"index/{path.name} is damaged"):
        _restored(tmp_path / "copy", tmp_path / "again", server)
    assert server.asked == []
    assert not (tmp_path / "again" / "frames").exists()


def test_a_server_s_backup_wants_a_server_or_none(
    over_a_server: tuple[Path, Path, QdrantServer], tmp_path: Path
) -> None:
    copy = over_a_server[1]
    with pytest.raises(RawDataError, match="the index of this backup was a server's"):
        restore(copy, tmp_path / "again", None, False, True, QUIET)
    done = restore(copy, tmp_path / "again", None, False, False, QUIET)
    assert done.index == "none"
    config = Workspace(tmp_path / "again").load_config()
    assert night(Workspace(tmp_path / "again"), config).upserted > 40  # into the embedded index, without embedding
    assert night(Workspace(tmp_path / "again"), config).embedded == 0


def test_a_cluster_is_told_what_to_do(
    over_a_server: tuple[Path, Path, QdrantServer], server: QdrantServer, tmp_path: Path
) -> None:
    home = over_a_server[0]
    server.peers = 3
    with pytest.raises(StoreError, match=r"is a cluster.*--without-index"):
        back_up(Workspace(home), config_of(server), tmp_path / "copy", True, NOW, QUIET)
    assert not list(tmp_path.iterdir())


def test_the_service_answers_from_a_server_and_sees_what_nights_publish(
    over_a_server: tuple[Path, Path, QdrantServer],
    server: QdrantServer,
    served_sample: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _restored(over_a_server[1], tmp_path / "home", server)
    home = Workspace(tmp_path / "home")
    server.floor = len(server.points("simsong")) - 1
    monkeypatch.setenv("QDRANT_URL", server.address)
    with served(home, read_only=True) as running:
        ids = _ids(running)
        assert ids == _ids(served_sample)  # type: ignore[arg-type]
        for song in ids[:5]:
            assert _neighbours(running, song) == _neighbours(served_sample, song)  # type: ignore[arg-type]
        _, _, gone = _take_away(home, tmp_path)
        night(home, config_of(server))
        assert set(ids) - set(_ids(running)) == {gone}
        assert gone not in _neighbours(running, next(song for song in ids if song != gone))
        with running.client() as client:
            said = json.dumps([client.get(f"/api/v1/{page}").text for page in ("library", "night")])
    assert KEY not in said
    assert server.partial == []
    assert server.params
