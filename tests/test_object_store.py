"""What homes ask of an object store, and what is said where it cannot be had."""

import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from s3_bucket import SECRET

from deploy.postgres import free_port
from simsong_pipeline.errors import RawDataError, SimSongError, StoreError
from simsong_pipeline.remote.address import copies_folder, is_url, shown
from simsong_pipeline.remote.store import ObjectStore


@pytest.fixture(params=["memory", "file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store."""
    if request.param == "s3":
        return ObjectStore(f"{request.getfixturevalue('s3')}/home")
    return ObjectStore(f"memory://{tmp_path.name}" if request.param == "memory" else f"file://{tmp_path}/bucket")


def test_of_many_who_create_one_name_one_succeeds_and_its_bytes_stay(store: ObjectStore) -> None:
    for number in range(20):
        name = f"journal/{number}"
        with ThreadPoolExecutor(8) as pool:
            created = list(pool.map(lambda who, name=name: store.create(name, b"%d" % who), range(8)))
        assert created.count(True) == 1
        assert store.read(name) == b"%d" % created.index(True)


@pytest.mark.parametrize(("code", "is_taken"), [("PreconditionFailed", True), ("AccessDenied", False)])
def test_a_server_of_s3s_kind_says_in_its_own_words_that_a_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, is_taken: bool
) -> None:
    class _Answer(Exception):  # noqa: N818 - as botocore's ClientError
        response: ClassVar = {"Error": {"Code": code, "Message": "no"}}

    def answer(*_: object, **__: object) -> None:
        raise OSError(22, "no") from _Answer()

    store = ObjectStore(f"memory://{tmp_path.name}")
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", answer)
    if is_taken:
        assert not store.create("a", b"")
    else:
        with pytest.raises(StoreError, match="cannot be reached"):
            store.create("a", b"")


def test_objects_are_put_read_listed_and_removed(store: ObjectStore, tmp_path: Path) -> None:
    path, back = tmp_path / "here", tmp_path / "back"
    path.write_bytes(bytes(range(256)) * 1_000)
    store.put(path, "objects/a/b")
    store.write("objects/c", b"c")
    assert store.names("objects") == ["objects/a/b", "objects/c"]
    assert store.fetch("objects/a/b", back)
    assert back.read_bytes() == path.read_bytes()
    store.remove("objects/c")
    store.remove("objects/c")
    assert store.names("objects") == ["objects/a/b"]
    assert (store.read("objects/c"), store.fetch("objects/c", back), store.names("nothing")) == (None, False, [])


def test_a_kind_of_address_that_is_not_known_or_lacks_its_package_is_said() -> None:
    with pytest.raises(RawDataError, match=r"nosuchthing://bucket/home cannot be opened"):
        ObjectStore("nosuchthing://bucket/home")
    missing = next(
        protocol for protocol, known in known_implementations.items() if _lacks(known["class"].partition(".")[0])
    )
    with pytest.raises(RawDataError, match=rf"{missing} needs a package that is not installed: .*nstall"):
        ObjectStore(f"{missing}://bucket/home")


def _lacks(package: str) -> bool:
    return importlib.util.find_spec(package) is None


def test_a_store_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bucket").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match=r"bucket/a/b cannot be reached \(.*\): look at the address"):
        ObjectStore(f"file://{tmp_path}/bucket").write("a/b", b"")


@pytest.mark.slow
def test_a_server_of_s3s_kind_that_does_not_answer_is_one_line_without_its_key(s3: str, tmp_path: Path) -> None:
    nobody = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "SIMSONG_CACHE": str(tmp_path)}
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "similar", "a", "--home", f"{s3}/home"]
    environment = {**os.environ, **nobody, "COLUMNS": "10000"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {s3}/home")
    assert "credentials in the environment" in line
    assert SECRET not in done.stderr


@pytest.mark.parametrize("text", ["s3://bucket/home", "memory://home", "file:///mnt/home", "gs://b/h"])
def test_addresses_are_told_from_paths(text: str) -> None:
    assert is_url(text)
    assert not is_url(text.replace("://", "/"))


def test_one_home_has_one_local_copy_whoever_asks() -> None:
    plain = copies_folder("sftp://host/home")
    assert copies_folder("sftp://me:secret-1@host/home/") == plain
    assert copies_folder("sftp://host/other") != plain


@pytest.mark.slow
def test_a_password_in_an_address_is_never_said(tmp_path: Path) -> None:
    password = "Tr0ub4dor-and-3"
    url = f"ftp://reader:{password}@127.0.0.1:9/home"
    assert password not in shown(url)
    for words in (["run"], ["tags"], ["embed"], ["run", "--manifest", url]):
        environment = {**os.environ, "SIMSONG_HOME": url, "SIMSONG_CACHE": str(tmp_path / "cache")}
        if "--manifest" in words:
            environment["SIMSONG_HOME"] = str(tmp_path / "home")
        command = [sys.executable, "-m", "simsong_pipeline.cli.main", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 1, done.stderr
        assert "127.0.0.1" in done.stderr
        assert password not in done.stdout + done.stderr
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(password.encode() in content for content in written)


def test_a_home_whose_address_holds_a_password_is_remembered_without_it(tmp_path: Path) -> None:
    with pytest.raises(SimSongError) as raised:
        ObjectStore("nosuchthing://me:hunter22@host/home")
    assert "hunter22" not in str(raised.value)
