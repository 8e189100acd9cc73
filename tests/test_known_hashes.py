"""A large file that did not change is hashed once; one that did is hashed again."""

import hashlib
import os
from pathlib import Path

import polars as pl
import pytest
from conftest import run_of

from simsong_pipeline.config import LyricsConfig, PipelineConfig
from simsong_pipeline.home import known_hashes
from simsong_pipeline.home.known_hashes import KnownHashes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.stages.catalogue_stages import make_lyric_embeddings


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model" / "weights.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"first")
    return path


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_did_not_change_is_not_read_again(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "hashes.json"
    assert KnownHashes(kept).of(weights) == _sha(weights)
    monkeypatch.setattr(known_hashes, "sha256_of_file", lambda _: pytest.fail("it is read"))
    assert KnownHashes(kept).of(weights) == _sha(weights)


@pytest.mark.parametrize(("content", "later"), [(b"longer than it was", 0), (b"other", 1)], ids=["size", "time"])
def test_a_file_of_another_size_or_time_is_read_again(
    weights: Path, tmp_path: Path, content: bytes, later: int
) -> None:
    known, before = KnownHashes(tmp_path / "hashes.json"), weights.stat()
    known.of(weights)
    weights.write_bytes(content)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns + later))
    assert known.of(weights) == _sha(weights)


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"a": 1}', b"\xff"])
def test_damage_costs_a_hash_and_no_more(weights: Path, tmp_path: Path, damaged: bytes) -> None:
    kept = tmp_path / "hashes.json"
    kept.write_bytes(damaged)
    assert KnownHashes(kept).of(weights) == _sha(weights)
    assert KnownHashes(kept).of(weights) == _sha(weights)


def test_several_files_are_known_side_by_side(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, other = KnownHashes(tmp_path / "hashes.json"), weights.with_name("more.safetensors")
    other.write_bytes(b"second")
    wanted = [_sha(weights), _sha(other)]
    assert [known.of(weights), known.of(other)] == wanted
    monkeypatch.setattr(known_hashes, "sha256_of_file", lambda _: pytest.fail("it is read"))
    assert [known.of(weights), known.of(other)] == wanted


def test_a_night_without_lyrics_asks_for_no_model_of_them(run_copy: Workspace) -> None:
    """A model that is missing would be an error as soon as it is asked for."""
    config = PipelineConfig(lyrics=LyricsConfig(model=str(run_copy.home / "no such model")))
    silent = run_copy.read("lyrics").with_columns(
        pl.lit("missing").cast(pl.Enum(["ok", "missing", "invalid", "instrumental"])).alias("status")
    )
    made = make_lyric_embeddings(run_of(run_copy, config=config), silent)
    assert (made.frame.height, made.embedded) == (0, 0)
    assert made.frame.schema == run_copy.read("lyric_embeddings").schema


def test_texts_that_are_known_are_taken_over_by_the_version_that_is_remembered(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lyrics, before = run_copy.read("lyrics"), run_copy.read("lyric_embeddings")
    make_lyric_embeddings(run_of(run_copy), lyrics)
    monkeypatch.setattr(known_hashes, "sha256_of_file", lambda _: pytest.fail("it is read"))
    again = make_lyric_embeddings(run_of(run_copy), lyrics)
    assert again.embedded == 0
    assert again.frame.equals(before)
