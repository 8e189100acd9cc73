"""A service and nights over one home, in either order: no answer fails, and what was published is seen at once."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import SMALL_CONFIG, run_of
from serving import Served, served

from simsong_pipeline.errors import BusyError, RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.service import snapshots
from simsong_pipeline.service.home_state import HomeWatch
from simsong_pipeline.service.service import opened_service
from simsong_pipeline.service.settings import ServiceSettings
from simsong_pipeline.service.snapshot import Snapshot, take_snapshot
from simsong_pipeline.stores.copying import EmbeddedIndex
from simsong_pipeline.stores.opening import open_store

API = "/api/v1"


def _ids(running: Served) -> list[str]:
    with running.client() as client:
        answer = client.get(f"{API}/songs", params={"limit": 500})
    assert answer.status_code == 200, answer.text
    return [song["id"] for song in answer.json()["items"]]


def _neighbours(running: Served, song_id: str) -> list[str]:
    with running.client() as client:
        answer = client.get(f"{API}/similar", params={"like": song_id, "k": 100})
    assert answer.status_code == 200, answer.text
    return [song["id"] for song in answer.json()["songs"]]


def _take_away(workspace: Workspace, aside: Path) -> tuple[Path, Path, str]:
    """A recording of an indexed song, put aside: (where it lay, where it lies, the song's id)."""
    indexed = set(workspace.read("wns/track_vectors")["track_id"])
    path = next(
        p for p in sorted(workspace.raw.rglob("*")) if p.stem in indexed and p.suffix in (".ogg", ".flac", ".wav")
    )
    shutil.move(path, aside / path.name)
    return path, aside / path.name, path.stem


def _night(workspace: Workspace) -> None:
    refresh(run_of(workspace, publish_anyway=True))


def _night_of_its_own(workspace: Workspace) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "simsong_pipeline.cli.main", "refresh", "--publish-anyway", "--home", workspace.home]
    return subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def test_what_nights_publish_is_seen_at_the_next_request(run_copy: Workspace, tmp_path: Path) -> None:
    place, aside, song = _take_away(run_copy, tmp_path)
    with served(run_copy) as running:
        before, first = _ids(running), running.service.snapshots.present
        assert song in before
        _night(run_copy)
        assert song not in _ids(running)
        other = next(i for i in before if i != song)
        assert song not in _neighbours(running, other)
        assert not first.folder.exists()
        shutil.move(aside, place)
        _night(run_copy)
        assert song in _neighbours(running, other)
        assert sorted(_ids(running)) == sorted(before)
        present = running.service.snapshots.present
        _neighbours(running, other)
        assert running.service.snapshots.present is present
    assert not list((run_copy.home / "serving").iterdir())


def test_requests_that_begin_together_look_at_the_home_once_and_later_ones_again(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    look = HomeWatch.state
    with opened_service(run_copy, ServiceSettings(swap_wait_s=60)) as service:
        monkeypatch.setattr(HomeWatch, "state", lambda watch: looks.append(1) or look(watch))

        async def ask() -> Snapshot:
            async with service.snapshots.lease() as snapshot:
                return snapshot

        async def asked() -> None:
            first = service.snapshots.present
            assert await asyncio.gather(*(ask() for _ in range(5))) == [first] * 5
            assert len(looks) == 1
            os.utime(run_copy.home / "config.json")
            third, fourth = await asyncio.gather(ask(), ask())
            assert third is fourth is service.snapshots.present is not first
            await service.snapshots.settle()

        asyncio.run(asked())


def test_while_a_night_holds_the_index_the_former_state_answers(run_copy: Workspace) -> None:
    with served(run_copy) as running:
        one, *others = _ids(running)
        first = running.service.snapshots.present
        with EmbeddedIndex(SMALL_CONFIG.store, run_copy.home).held(0):
            os.utime(run_copy.home / "config.json")
            assert running.service.snapshots.is_behind()
            assert set(_neighbours(running, one)) <= set(others)
            assert running.service.snapshots.present is first
        _neighbours(running, one)
        assert running.service.snapshots.present is not first


def test_the_service_does_not_hold_the_index(run_copy: Workspace) -> None:
    with served(run_copy) as running:
        one = _ids(running)[0]
        with open_store(SMALL_CONFIG.store.model_copy(update={"wait_s": 0}), run_copy.home) as store:
            assert store.count("simsong")
            assert _neighbours(running, one)


def test_a_state_that_cannot_be_read_is_told_and_the_former_one_answers(run_copy: Workspace) -> None:
    with served(run_copy) as running:
        one = _ids(running)[0]
        tracks = run_copy.frame_path("tracks")
        content = tracks.read_bytes()
        tracks.write_bytes(content[:-100])
        os.utime(run_copy.home / "config.json")
        assert _neighbours(running, one)
        with running.client() as client:
            assert "damaged" in client.get(f"{API}/library").json()["trouble"]
        tracks.write_bytes(content)


def test_copies_that_take_long_hold_nobody_up_for_long(run_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*arguments: object, **named: object) -> object:
        time.sleep(2.0)
        return take_snapshot(*arguments, **named)  # type: ignore[arg-type]

    with served(run_copy, swap_wait_s=0.5) as running:
        one, first = _ids(running)[0], running.service.snapshots.present
        monkeypatch.setattr(snapshots, "take_snapshot", slowly)
        os.utime(run_copy.home / "config.json")
        began = time.monotonic()
        for _ in range(3):
            _neighbours(running, one)
        assert time.monotonic() - began < 1.9
        assert running.service.snapshots.present is first
        ends = time.monotonic() + 30
        while running.service.snapshots.present is first and time.monotonic() < ends:
            _neighbours(running, one)
        assert running.service.snapshots.present is not first


def test_snapshots_are_kept_until_their_last_question_has_ended(run_copy: Workspace) -> None:
    with served(run_copy) as running:
        one = _ids(running)[0]
        held = running.service.snapshots
        first = held.present
        first.users += 1  # a question that goes on
        os.utime(run_copy.home / "config.json")
        _neighbours(running, one)
        assert held.present is not first
        assert first.folder.is_dir()
        assert first.songs.similar([one], _choice()).neighbours
        first.users -= 1
    shutil.rmtree(first.folder, ignore_errors=True)
    first.store.__exit__(None, None, None)


def _choice() -> object:
    from simsong_pipeline.asking.recommend import Choice

    return Choice(3)


def test_folders_of_killed_services_are_cleared_and_those_of_living_ones_are_not(run_copy: Workspace) -> None:
    left = run_copy.home / "serving" / "left"
    left.mkdir(parents=True)
    (left / ".lock").touch()
    (left / "edge").mkdir()
    with served(run_copy) as one, served(run_copy) as other:
        assert not left.exists()
        assert len(list((run_copy.home / "serving").iterdir())) == 2
        assert _ids(one) == _ids(other)


def test_homes_without_an_index_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match="simsong run"), served(Workspace(tmp_path / "home")):
        pass
    assert not (tmp_path / "home/serving").exists()


def test_a_service_that_starts_while_a_night_holds_the_index_waits_for_it(run_copy: Workspace) -> None:
    index = EmbeddedIndex(SMALL_CONFIG.store, run_copy.home)
    holding, free = threading.Event(), threading.Event()

    def hold() -> None:
        code = (
            "import sys; from pathlib import Path; from simsong_pipeline.config import StoreConfig\n"
            "from simsong_pipeline.stores.copying import EmbeddedIndex\n"
            "with EmbeddedIndex(StoreConfig(), Path(sys.argv[1])).held(5):\n"
            "    print('held', flush=True); sys.stdin.read()\n"
        )
        words = [sys.executable, "-c", code, str(run_copy.home)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            holding.set()
            free.wait(30)
            assert process.stdin is not None
            process.stdin.close()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(hold)
        holding.wait(30)
        with pytest.raises(BusyError), served(run_copy, wait_s=0):
            pass
        threading.Timer(0.5, free.set).start()
        with served(run_copy, wait_s=30) as running:
            assert _ids(running)
        done.result()
    assert index.aliases_file.is_file()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "edge"])
def test_no_answer_fails_while_nights_publish(run_copy: Workspace, tmp_path: Path, engine: str) -> None:
    store = SMALL_CONFIG.store.model_copy(update={"engine": engine})
    config = SMALL_CONFIG.model_copy(update={"store": store})
    run_copy.save_config(config)
    refresh(run_of(run_copy, config=config, publish_anyway=True))  # fills this engine's index
    place, aside, song = _take_away(run_copy, tmp_path)
    with served(run_copy) as running:
        other = next(i for i in _ids(running) if i != song)
        for is_there in (False, True):
            if is_there:
                shutil.move(aside, place)
            asked = _ask_during(running, other, _night_of_its_own(run_copy))
            assert asked > 20
            assert (song in _neighbours(running, other)) is is_there
            assert (song in _ids(running)) is is_there


def _ask_during(running: Served, song: str, night: "subprocess.Popen[str]") -> int:
    """Ask without pause until a night has ended; how many answers came, none of which may have failed."""

    def ask() -> int:
        asked = 0
        with running.client() as client:
            while night.poll() is None:
                answer = client.get(f"{API}/similar", params={"like": song, "k": 5, "audio_weight": asked % 10 / 10})
                assert answer.status_code == 200, answer.text
                assert len(answer.json()["songs"]) == 5
                asked += 1
        return asked

    with ThreadPoolExecutor(4) as pool:
        counts = [future.result() for future in [pool.submit(ask) for _ in range(4)]]
    assert night.stderr is not None
    said = night.stderr.read()
    night.stderr.close()
    assert night.returncode == 0, said
    return sum(counts)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "edge"])
def test_a_service_starts_in_the_middle_of_a_night(run_copy: Workspace, tmp_path: Path, engine: str) -> None:
    store = SMALL_CONFIG.store.model_copy(update={"engine": engine})
    config = SMALL_CONFIG.model_copy(update={"store": store})
    run_copy.save_config(config)
    refresh(run_of(run_copy, config=config, publish_anyway=True))
    _, _, song = _take_away(run_copy, tmp_path)
    night = _night_of_its_own(run_copy)
    while not (run_copy.home / ".lock.holder").is_file() and night.poll() is None:
        time.sleep(0.05)
    assert night.poll() is None
    with served(run_copy) as running:
        other = next(i for i in _ids(running) if i != song)
        assert _ask_during(running, other, night) > 0
        assert song not in _neighbours(running, other)
