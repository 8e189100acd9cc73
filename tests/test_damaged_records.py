"""A record that holds anything but what was written is one line with the file and the way out."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import ModelError, RawDataError, SimSongError, StoreError
from simsong_pipeline.home.fence import Fence
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import OWN_DIMS, Point
from simsong_pipeline.runs.rollback_stage import can_roll_back
from simsong_pipeline.stores.opening import open_store
from simsong_pipeline.stores.payloads import point_id

_ANY = ["", "[]", "null", "5", '"text"', "[{}]", "{", "\x00", "[" * 100_000, '{"a": 1e400}', '{"a": ' * 100_000]


def _model(folder: Path) -> ModelFiles:
    """A folder with an encoder and a record of its training, of no use otherwise."""
    folder.mkdir(parents=True)
    (folder / "encoder.safetensors").write_bytes(b"weights")
    (folder / "encoder.onnx").write_bytes(b"graph")
    return ModelFiles(folder)


_RECORDS: dict[str, tuple[Callable[[ModelFiles], object], str]] = {
    "training.json": (ModelFiles.training, "and run `simsong run`"),
    "export.json": (ModelFiles.export, "delete it and run `simsong run`"),
    "quality.json": (ModelFiles.quality, "run `simsong evaluate`"),
    "refused.json": (ModelFiles.refusal, "delete it and run `simsong run`"),
}


@pytest.mark.parametrize("content", [*_ANY, "{}", '{"model_version": 5}', '{"passed": "perhaps"}'])
@pytest.mark.parametrize("name", _RECORDS)
def test_record_of_a_model(name: str, content: str, tmp_path: Path) -> None:
    files, (read, way_out) = _model(tmp_path / "wns"), _RECORDS[name]
    (files.folder / name).write_text(content)
    with pytest.raises(ModelError) as caught:
        read(files)
    line = str(caught.value)
    assert "\n" not in line
    assert str(files.folder / (name if "encoder" not in line else "")).rstrip("/") in line
    assert "simsong" in line
    if content in _ANY and name != "training.json":
        assert way_out in line


@pytest.mark.parametrize("content", [*_ANY, "{}"])
def test_record_of_publishing(content: str, tmp_path: Path) -> None:
    files = _model(tmp_path / "wns")
    (files.folder / "published.json").write_text(content)
    with pytest.raises(ModelError, match=r"published\.json is damaged.*simsong refresh"):
        files.is_published()


@pytest.mark.parametrize("content", [*_ANY, "{}"])
def test_mark_of_a_choice_is_its_being_there(content: str, tmp_path: Path) -> None:
    files = _model(tmp_path / "wns")
    (files.folder / "chosen.json").write_text(content)
    assert files.is_chosen()


@pytest.mark.parametrize("content", [*_ANY, "{}", '{"store": []}', '{"serve": "both"}', '{"train": {"steps": 1e400}}'])
def test_configuration(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(RawDataError, match=r"config\.json is damaged.*delete it"):
        Workspace(tmp_path).load_config()


@pytest.mark.parametrize("content", [*_ANY, '{"raw": 5}', '{"raw": {}}', '{"manifest": ["a"]}', '{"other": "a"}'])
def test_source(content: str, tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text(content)
    with pytest.raises(RawDataError, match=r"source\.json is damaged.*delete it"):
        Workspace(tmp_path).load_source()


_NUMBERS = ("1e400", "NaN", "Infinity", "[]", '"x"', "1.5")
_TOKENS = [f'{{"token": {number}, "run": "a", "past": []}}' for number in _NUMBERS]


@pytest.mark.parametrize(
    "content", [*_ANY, "{}", *_TOKENS, '{"token": 1, "run": 5, "past": []}', '{"token": 1, "run": "a"}']
)
def test_fence(content: str, tmp_path: Path) -> None:
    (tmp_path / "fence.json").write_text(content)
    with pytest.raises(RawDataError, match=r"fence\.json is damaged: delete it"):
        Fence(tmp_path / "fence.json").claim("b")


@pytest.mark.parametrize("content", [*_ANY, "{}", '{"wns": 5}', '{"other": "a"}', '{"wns": null}'])
def test_unfinished_rollback(content: str, tmp_path: Path) -> None:
    (tmp_path / "rollback.json").write_text(content)
    with pytest.raises(RawDataError, match=r"rollback\.json is damaged: delete it and roll back again"):
        can_roll_back(Workspace(tmp_path), "wns")


@pytest.mark.parametrize("content", [*_ANY, '{"simsong": 5}', '{"simsong": null}'])
def test_aliases_of_the_edge_engine(content: str, tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge/CURRENT").write_text(content)
    with (
        open_store(StoreConfig(engine="edge"), tmp_path) as store,
        pytest.raises(StoreError, match="CURRENT is damaged"),
    ):
        store.aliases()


def _indexed(home: Path, songs: int = 12) -> None:
    rng = np.random.default_rng(0)
    with open_store(StoreConfig(), home) as store:
        store.ensure_collection("songs", 4, 2)
        points = [
            Point(
                point_id(str(n)),
                {
                    "audio": rng.normal(size=4).astype(np.float32),
                    "song": rng.normal(size=4 + 2 + OWN_DIMS).astype(np.float32),
                },
                {"track_id": str(n), "title": f"song {n}", "artist": "someone"},
            )
            for n in range(songs)
        ]
        store.upsert("songs", points)
        store.point_aliases({"simsong": "songs"})


def _read_all(home: Path) -> None:
    with open_store(StoreConfig(), home) as store:
        for alias in store.aliases():
            ids = sorted(store.hashes(alias))
            store.fetch(alias, ids, with_vectors=True)
            store.count(alias)


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_of_the_local_index(seed: int, tmp_path: Path) -> None:
    """Whatever flipped bytes make of the pickles and pages, it is read, or it is one line that names the folder."""
    _indexed(tmp_path)
    (path,) = (tmp_path / "qdrant").rglob("storage.sqlite")
    rng, data = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(40):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    said = ""
    try:
        _read_all(tmp_path)
    except SimSongError as error:
        said = str(error)
    assert "\n" not in said
    assert not said or str(tmp_path / "qdrant") in said


@pytest.mark.parametrize("pickled", [b"", b"garbage", b"\x80\x04N.", b"\x80\x04K\x05.", b"\x80\x04]."])
def test_point_of_the_local_index_that_is_none_names_the_folder_and_the_way_out(pickled: bytes, tmp_path: Path) -> None:
    _indexed(tmp_path)
    (path,) = (tmp_path / "qdrant").rglob("storage.sqlite")
    with sqlite3.connect(path) as storage:
        storage.execute("UPDATE points SET point = ? WHERE rowid = 3", (pickled,))
    storage.close()
    with pytest.raises(StoreError, match="delete that folder and run `simsong run`") as caught:
        _read_all(tmp_path)
    assert str(tmp_path / "qdrant") in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"collections": []}', '{"collections": {"a": 5}, "aliases": {}}'])
def test_list_of_the_local_index(content: str, tmp_path: Path) -> None:
    _indexed(tmp_path)
    (tmp_path / "qdrant/meta.json").write_text(content)
    with pytest.raises(StoreError, match=r"is damaged .*delete that folder"):
        _read_all(tmp_path)
    # The way out leads out.
    for path in sorted((tmp_path / "qdrant").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    _indexed(tmp_path)
    _read_all(tmp_path)
