"""The example in the docs of asking Qdrant directly, run as it stands over an index that the store wrote."""

import re
from pathlib import Path

import numpy as np
import pytest

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.points import Point, song_vector
from simsong_pipeline.stores.payloads import point_id
from simsong_pipeline.stores.qdrant_store import QdrantStore

DOCUMENT = Path(__file__).parents[1] / "docs" / "qdrant.md"


def _point(number: int) -> Point:
    rng = np.random.default_rng(number)
    audio, lyrics = (v / np.linalg.norm(v) for v in (rng.normal(size=6), rng.normal(size=4)))
    sung = number % 3 != 0
    vectors = {"audio": audio.astype(np.float32), "song": song_vector(audio, lyrics if sung else None, 4, stand_in=0.1)}
    if sung:
        vectors["lyrics"] = lyrics.astype(np.float32)
    names = {"track_id": f"T{number}", "artist": f"Artist {number}", "title": f"Song {number}"}
    hashes = {"content_hash": "c", "payload_hash": f"p{number}", "model_version": "v"}
    return Point(point_id(f"T{number}"), vectors, {**names, **hashes, "language": "en" if number % 2 else "de"})


def test_example_of_asking_qdrant_directly_finds_english_songs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("QDRANT_URL", raising=False)
    with QdrantStore(StoreConfig(), tmp_path / "simsong-data" / "qdrant") as store:
        store.ensure_collection("simsong_wns_1", 6, 4)
        store.update("simsong_wns_1", [_point(n) for n in range(30)])
        store.point_aliases({"simsong_wns": "simsong_wns_1"})
    (example,) = (
        block for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL) if "Qdrant" in block
    )
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(example, "qdrant.md", "exec"), names)
    names["client"].close()  # type: ignore[attr-defined]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(int(line.rsplit(" ", 1)[1]) % 2 == 1 for line in lines)
