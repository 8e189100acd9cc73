"""Copies hold the same bytes and no more blocks than the file, holes included; a served collection opens by itself."""

import os
from pathlib import Path

import numpy as np
import pytest

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import BusyError, RawDataError
from simsong_pipeline.file_copies import copy_file, copy_folder
from simsong_pipeline.points import SONG_VECTOR, Point, Search, song_vector
from simsong_pipeline.stores.copying import EmbeddedIndex
from simsong_pipeline.stores.opening import open_store
from simsong_pipeline.stores.payloads import point_id

HOLE = 1 << 22


@pytest.mark.parametrize(
    "parts", [[], [(0, b"x")], [(0, b"a" * 5_000), (HOLE, b"b")], [(HOLE, b"c" * 70_000)], [(3, b"d" * 2_500_000)]]
)
@pytest.mark.parametrize("tail", [0, HOLE])
def test_copies_are_alike_and_as_small(tmp_path: Path, parts: list[tuple[int, bytes]], tail: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        for at, data in parts:
            file.seek(at)
            file.write(data)
        file.truncate(file.seek(0, os.SEEK_END) + tail)
    target.write_bytes(b"what was there before" * 10_000)
    copy_file(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks <= source.stat().st_blocks + 16


def test_folders_are_copied_whole(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_text("c")
    (tmp_path / "a/empty").touch()
    copy_folder(tmp_path / "a", tmp_path / "copy")
    assert (tmp_path / "copy/b/c").read_text() == "c"
    assert (tmp_path / "copy/empty").read_bytes() == b""


def _points(count: int) -> list[Point]:
    rng = np.random.default_rng(0)
    points = []
    for number in range(count):
        audio = rng.normal(size=8).astype(np.float32)
        audio /= np.linalg.norm(audio)
        named = {"audio": audio, SONG_VECTOR: song_vector(audio, None, 4)}
        points.append(Point(point_id(f"T{number}"), named, {"track_id": f"T{number}", "payload_hash": str(number)}))
    return points


@pytest.mark.parametrize("engine", ["local", "edge"])
def test_served_collection_is_copied_and_the_index_goes_on(tmp_path: Path, engine: str) -> None:
    config, home, copy = StoreConfig(engine=engine, wait_s=0), tmp_path / "home", tmp_path / "copy"  # type: ignore[arg-type]
    points = _points(5)
    with open_store(config, home) as store:
        for name in ("simsong_wns_1_v3", "simsong_ns_1_v3"):
            store.ensure_collection(name, 8, 4)
            store.update(name, points)
        store.point_aliases({"simsong": "simsong_wns_1_v3"})
    index = EmbeddedIndex(config, home)
    with index.held(0):
        assert index.served() == "simsong_wns_1_v3"
        index.copy_to(copy)
        with pytest.raises(BusyError), index.held(0):
            pass
    with open_store(config, home) as store, open_store(config, copy) as copied:
        store.update("simsong_wns_1_v3", points[:4])
        asked = points[0].vectors[SONG_VECTOR]
        found = copied.query("simsong", Search(asked, SONG_VECTOR, 10))
        assert copied.collections() == ["simsong_wns_1_v3"]
        assert (copied.count("simsong"), store.count("simsong")) == (5, 4)
    assert found[0].track_id == "T0"
    if engine == "edge":  # by one thread, and the index itself as it was
        settings = [(folder / "edge/simsong_wns_1_v3/edge_config.json").read_text() for folder in (copy, home)]
        assert ["max_search_threads" in text for text in settings] == [True, False]


@pytest.mark.parametrize("engine", ["local", "edge"])
def test_without_an_index_there_is_nothing_to_copy(tmp_path: Path, engine: str) -> None:
    index = EmbeddedIndex(StoreConfig(engine=engine), tmp_path)  # type: ignore[arg-type]
    with pytest.raises(RawDataError, match="simsong run"), index.held(0):
        pass
    assert not list(tmp_path.iterdir())
