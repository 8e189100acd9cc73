"""A home in an object store is one whole generation at any moment, and its fence is kept there."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from remote_writer import DEAD_S, numbers_in

from simsong_pipeline.errors import BusyError, RawDataError, SimSongError, StaleRunError, StoreError
from simsong_pipeline.remote.journal import Journal
from simsong_pipeline.remote.lease import signs_of_life
from simsong_pipeline.remote.local_copy import LocalCopy
from simsong_pipeline.remote.opened import Telling, Use, opened
from simsong_pipeline.remote.store import ObjectStore
from simsong_pipeline.remote.sweeping import folder_of, sweep

WRITER = [sys.executable, str(Path(__file__).with_name("remote_writer.py"))]
QUIET = Telling(lambda _: None, lambda *_: None, lambda _: None)


@pytest.fixture(params=["memory", "file", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty home, in memory, in a folder and in a bucket."""
    if request.param == "s3":
        yield f"{request.getfixturevalue('s3')}/home"
    elif request.param == "memory":
        yield f"memory://{tmp_path.name}/home"
        files = fsspec.filesystem("memory")
        if files.exists(f"/{tmp_path.name}"):
            files.rm(f"/{tmp_path.name}", recursive=True)
    else:
        yield f"file://{tmp_path}/bucket/home"


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.slow)])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty home that several processes reach."""
    place = request.getfixturevalue("s3") if request.param == "s3" else f"file://{tmp_path}/bucket"
    return f"{place}/home"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Be another machine from now on: one with local copies of its own."""

    def be(name: str) -> None:
        monkeypatch.setenv("SIMSONG_CACHE", str(tmp_path / name))

    be("first")
    return be


def _open(url: str, use: Use = "writing", wait_s: float = 0.0, dead_s: float = DEAD_S):
    return opened(url, use, wait_s, QUIET, dead_s)


def _write(url: str, **files: str) -> None:
    with _open(url) as copy:
        for name, text in files.items():
            path = copy.home / "frames" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


def _content(copy: LocalCopy) -> dict[str, str]:
    return {path.name: path.read_text() for path in copy.home.rglob("*") if path.is_file()}


def _seen(url: str) -> dict[str, str]:
    with _open(url, "reading") as copy:
        return _content(copy)


def _objects(url: str) -> list[str]:
    return ObjectStore(url).names("objects")


def test_another_machine_reads_what_one_has_written(url: str, machine: Callable[[str], None]) -> None:
    _write(url, a="one", b="two")
    machine("second")
    assert _seen(url) == {"a": "one", "b": "two"}
    _write(url, b="three")
    machine("first")
    assert _seen(url) == {"a": "one", "b": "three"}


def test_files_that_are_gone_are_gone_elsewhere_and_keep_their_times(url: str, machine: Callable[[str], None]) -> None:
    _write(url, a="one", b="two")
    machine("second")
    with _open(url) as copy:
        (copy.home / "frames" / "a").unlink()
        os.utime(copy.home / "frames" / "b", ns=(10**18 + 7, 10**18 + 7))
        (copy.home / "frames" / "b").write_text("new")
        os.utime(copy.home / "frames" / "b", ns=(10**18 + 7, 10**18 + 7))
    machine("first")
    with _open(url) as copy:
        assert _content(copy) == {"b": "new"}
        assert (copy.home / "frames" / "b").stat().st_mtime_ns == 10**18 + 7


def test_only_what_changed_is_put(url: str, machine: Callable[[str], None]) -> None:
    _write(url, **{f"f{n}": f"text {n}" for n in range(20)})
    before = _objects(url)
    _write(url, f3="other")
    assert len(_objects(url)) == len(before) + 1
    _write(url)  # nothing
    assert len(_objects(url)) == len(before) + 1
    machine("second")
    _write(url, f3="text 3", g="text 5")  # bytes that the home had in another file, or before
    assert len(set(_objects(url)) - set(before)) == 2


def test_only_what_changed_is_fetched(
    url: str, machine: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    whole = ObjectStore.fetch
    monkeypatch.setattr(ObjectStore, "fetch", lambda s, name, to: fetched.append(name) or whole(s, name, to))
    _write(url, **{f"f{n}": f"text {n}" for n in range(20)})
    machine("second")
    _seen(url)
    assert len(fetched) == 20
    _write(url, f3="other")  # the copy to write in takes what the one to read has
    assert len(fetched) == 20
    machine("first")
    assert _seen(url)["f3"] == "other"
    assert len(fetched) == 21


def test_a_command_that_fails_leaves_what_it_would_leave_on_a_disk(url: str, machine: Callable[[str], None]) -> None:
    def fail() -> None:
        with _open(url) as copy:
            (copy.home / "heard").write_text("half a night")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    machine("second")
    assert _seen(url) == {"heard": "half a night"}


def test_of_two_writers_the_second_is_refused_while_the_first_lives(url: str, machine: Callable[[str], None]) -> None:
    with _open(url) as copy:
        (copy.home / "a").write_text("first")
        machine("second")
        assert _seen(url) == {}  # a reader sees the last generation
        with pytest.raises(BusyError, match="in use by"), _open(url):
            pytest.fail("two at once")
        machine("first")
    machine("second")
    assert _seen(url) == {"a": "first"}


def test_who_was_overtaken_publishes_nothing_and_forgets_its_own(url: str, machine: Callable[[str], None]) -> None:
    _write(url, a="old")
    objects = _objects(url)

    def overtaken() -> None:
        with _open(url, dead_s=600.0) as slow:
            (slow.home / "frames" / "a").write_text("slow")
            machine("second")
            # The first gives its next sign of life after minutes; the second takes it for dead.
            with _open(url, wait_s=30.0, dead_s=0.2) as quick:
                (quick.home / "frames" / "a").write_text("quick")

    with pytest.raises(StaleRunError, match="overtaken"):
        overtaken()
    assert _seen(url) == {"a": "quick"}
    machine("first")
    _write(url, b="later")
    assert _seen(url) == {"a": "quick", "b": "later"}
    assert len(_objects(url)) == len(objects) + 2


def test_what_is_published_on_the_way_is_seen_and_nobody_else_is_let_in(
    url: str, machine: Callable[[str], None]
) -> None:
    with _open(url) as first:
        (first.home / "a").write_text("one")
        first.publish()
        first.publish()  # nothing more
        machine("second")
        assert _seen(url) == {"a": "one"}
        with pytest.raises(BusyError, match="in use by"), _open(url):
            pytest.fail("two at once")
        machine("first")
        (first.home / "b").write_text("two")
    machine("second")
    assert _seen(url) == {"a": "one", "b": "two"}
    _write(url, c="three")  # at once


def test_one_that_is_overtaken_after_its_last_look_is_refused_by_the_name_itself(url: str) -> None:
    store = ObjectStore(url)
    first, second = (Journal(store, name, print, dead_s=0.0) for name in ("one", "two"))
    begun = first.begin(0.0)
    first.check(begun)
    time.sleep(0.01)
    other = second.begin(1.0)
    with pytest.raises(StaleRunError):
        first.publish(begun, {})
    assert second.publish(other, {}).number == other.number + 1


def test_a_command_that_was_killed_is_not_waited_for_on_its_own_machine(url: str) -> None:
    store = ObjectStore(url)
    Journal(store, "same", print).begin(0.0)
    assert Journal(store, "same", print).begin(0.0).number == 2


def test_one_that_gives_signs_of_life_is_waited_for(url: str) -> None:
    store = ObjectStore(url)
    begun = Journal(store, "one", print).begin(0.0)
    with signs_of_life(store, begun, dead_s=0.3), pytest.raises(BusyError, match="also after 1 s"):
        Journal(store, "two", print, dead_s=0.3).begin(1.0)
    assert Journal(store, "two", print, dead_s=0.3).begin(5.0).number == 2


def test_one_that_began_long_ago_and_gives_no_sign_is_not_waited_for(url: str) -> None:
    store = ObjectStore(url)
    begun = Journal(store, "one", print).begin(0.0)
    name = f"journal/{begun.number:010}.json"
    entry = json.loads(store.read(name) or b"")
    store.write(name, json.dumps(entry | {"at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}).encode())
    assert Journal(store, "two", print).begin(0.0).number == 2


@pytest.fixture
def killed(tmp_path: Path) -> Callable[[str, str], str]:
    """Kills a process that has written a file into its copy, and has not published it; gives the home's address."""

    def kill(name: str, text: str) -> str:
        url = f"file://{tmp_path}/bucket/home"
        process = subprocess.Popen([*WRITER, url, "hang", name, text], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.wait()
        process.stdout.close()
        return url

    return kill


def test_what_a_killed_command_of_this_machine_did_is_gone_on_from(
    killed: Callable[[str, str], str], machine: Callable[[str], None]
) -> None:
    url = killed("b", "heard for an hour")
    assert _seen(url) == {}
    _write(url, c="more")
    machine("second")
    assert _seen(url) == {"b": "heard for an hour", "c": "more"}


def test_what_a_killed_command_did_is_dropped_where_the_home_went_on(
    killed: Callable[[str, str], str], machine: Callable[[str], None]
) -> None:
    url = killed("b", "never published")
    machine("second")
    with _open(url, wait_s=30.0, dead_s=0.2) as other:
        (other.home / "b").write_text("new")
    machine("first")
    _write(url)
    assert _seen(url) == {"b": "new"}


def test_files_that_somebody_took_out_of_the_local_copy_are_fetched_again(
    url: str, machine: Callable[[str], None]
) -> None:
    _write(url, a="one", b="two")
    with _open(url) as copy:
        home = copy.home
    (home / "frames" / "a").unlink()
    (home / "frames" / "b").write_text("tvo")
    _write(url, c="three")
    machine("second")
    assert _seen(url) == {"a": "one", "b": "two", "c": "three"}


@pytest.mark.slow
def test_killed_at_any_moment_it_is_one_whole_generation(tmp_path: Path, machine: Callable[[str], None]) -> None:
    url, rng, published = f"file://{tmp_path}/bucket/home", random.Random(0), 0
    for round_ in range(8):
        process = subprocess.Popen([*WRITER, url, "rewrite", "40"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = process.stdout.readline()  # it publishes one, and is in the midst of the next ones when it is killed
        assert said.strip().isdecimal()
        time.sleep(rng.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        last = int((rest or [said])[-1])
        machine(f"reader-{round_ % 2}")
        with _open(url, "reading") as copy:
            # Killed between publishing and saying so, it is one more than it said.
            (number,) = numbers_in(copy.home)
            assert number in (last, last + 1)
            published += 1
            assert len(list(copy.home.rglob("*.bin"))) == 40
        machine("first")
    assert published == 8


def test_of_several_processes_at_once_nothing_is_lost(
    shared: str, tmp_path: Path, machine: Callable[[str], None]
) -> None:
    url, names = shared, ("a", "b", "c")
    running = [
        subprocess.Popen([*WRITER, url, "add", name, "3"], env={**os.environ, "SIMSONG_CACHE": str(tmp_path / name)})
        for name in names
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert sorted(_seen(url)) == sorted(f"{name}-{number}.txt" for name in names for number in range(3))


def test_a_damaged_object_is_named(url: str, machine: Callable[[str], None]) -> None:
    _write(url, a="one")
    store = ObjectStore(url)
    (name,) = store.names("objects")
    store.write(name, b"oen")
    machine("second")
    with pytest.raises(StoreError, match=rf"{name} is damaged.*restore"):
        _seen(url)
    store.remove(name)
    with pytest.raises(StoreError, match=rf"{name} is not there"):
        _seen(url)


def test_a_writer_that_cannot_open_the_home_keeps_nobody_waiting(url: str, machine: Callable[[str], None]) -> None:
    _write(url, a="one")
    store = ObjectStore(url)
    (name,) = store.names("objects")
    store.write(name, b"oen")
    machine("second")
    with pytest.raises(StoreError, match="damaged"):
        _write(url)
    store.write(name, b"one")
    machine("third")
    assert _seen(url) == {"a": "one"}
    _write(url, a="two")  # at once


@pytest.mark.parametrize("path", ["../outside", "/etc/outside", "a/../../outside", ""])
def test_a_generation_that_names_files_outside_of_a_home_is_refused(
    url: str, machine: Callable[[str], None], path: str
) -> None:
    _write(url, a="one")
    store = ObjectStore(url)
    name = store.names("journal")[-1]
    entry = json.loads(store.read(name) or b"")
    entry["files"] = {path: next(iter(entry["files"].values()))}
    store.write(name, json.dumps(entry).encode())
    machine("second")
    with pytest.raises(RawDataError, match=rf"{name} is damaged"):
        _seen(url)


def test_what_no_reader_needs_is_swept_after_some_days(url: str, machine: Callable[[str], None]) -> None:
    for number in range(4):
        _write(url, a=f"text {number}", same="same")
    store = ObjectStore(url)
    store.write("objects/0000000002-of-a-killed-command", b"x")
    journal = Journal(store, "one", print)
    begun = journal.begin(0.0)
    held = journal.generation().files
    last = journal.publish(begun, held)
    assert sweep(store, journal, begun) == 0  # the readers of today
    late = datetime.now(UTC) + timedelta(days=5)
    store.write(f"{folder_of(begun)}of-one-that-has-begun-since", b"x")
    assert sweep(store, journal, begun, late) == 4
    assert {held.object for held in last.files.values()} < set(_objects(url))
    assert [entry.number for entry in journal.entries()] == [last.number]
    assert _seen(url) == {"a": "text 3", "same": "same"}
    _write(url, a="text 4")
    assert _seen(url) == {"a": "text 4", "same": "same"}


def test_a_store_that_grants_one_name_twice_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObjectStore(url)
    monkeypatch.setattr(ObjectStore, "create", lambda self, name, data: self.write(name, data) or True)
    with pytest.raises(SimSongError, match="conditional writes"):
        Journal(store, "one", print).begin(0.0)


def test_locks_and_unfinished_files_are_no_part_of_a_home(url: str, machine: Callable[[str], None]) -> None:
    with _open(url) as copy:
        for name in (".lock", ".lock.holder", ".a.123.part", ".bucket-01.lock", "b"):
            (copy.home / name).write_text("x")
    machine("second")
    assert _seen(url) == {"b": "x"}


def test_a_copy_without_its_state_is_compared_by_its_bytes(url: str, machine: Callable[[str], None]) -> None:
    _write(url, a="one", b="two")
    machine("second")
    with _open(url, "reading") as copy:
        folder = copy.folder
    (folder / "state.json").write_text("[")
    (folder / "home" / "frames" / "a").write_text("eno")
    assert _seen(url) == {"a": "one", "b": "two"}
    shutil.rmtree(folder)
    assert _seen(url) == {"a": "one", "b": "two"}
