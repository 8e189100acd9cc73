"""`simsong verify`: each kind of damage is named with a way out, and the way out works."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from conftest import QUIET, SMALL_CONFIG, run_of
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.index_verification import verify_index
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import run
from simsong_pipeline.runs.verification import Findings, known_config, verify_files


def _verified(workspace: Workspace) -> Findings:
    found = Findings()
    with workspace.lock():
        config = known_config(workspace, found)
        verify_files(workspace, config, found, QUIET.progress)
        verify_index(workspace, config, found, QUIET.progress)
    return found


def _flip(path: Path, share: float = 0.5) -> None:
    """One bit, somewhere in the file."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * share)] ^= 1
    path.write_bytes(data)


def _follow(workspace: Workspace, text: str, damaged: Path) -> None:
    """Do what a message says: delete what it names, then run the command that it names."""
    _, _, remedy = text.rpartition(": ")
    if "delete it" in remedy:
        damaged.unlink()
    elif remedy.startswith("delete "):
        named = Path(remedy.removeprefix("delete ").split()[0].rstrip(","))
        shutil.rmtree(named) if named.is_dir() else named.unlink()
    if "simsong run" in remedy:
        run(run_of(workspace, publish_anyway=True))
    elif "simsong refresh" in remedy:
        refresh(run_of(workspace, publish_anyway=True))


def test_a_finished_run_is_whole(finished_run: tuple[Workspace, object]) -> None:
    found = _verified(finished_run[0])
    assert (found.damaged, found.notes) == ([], [])
    assert found.looked_at > 60


DAMAGED = (
    "frames/tracks.parquet",
    "frames/lyric_embeddings/*.parquet",
    "frames/wns/track_vectors/*.parquet",
    "frames/segment_features.parquet",
    "features/bucket-*.parquet",
    "features/bucket-*.f16",
    "models/wns/export.json",
)
LONGER = (
    "models/wns/encoder.onnx",
    "models/ns/encoder.safetensors",
    "models/wns/whitening.safetensors",
    "models/wns/references.safetensors",
    "models/ns/training.json",
)


@pytest.mark.parametrize("pattern", [*DAMAGED, *(pytest.param(pattern, marks=pytest.mark.slow) for pattern in LONGER)])
def test_a_flipped_bit_is_named_and_what_the_message_says_mends_it(run_copy: Workspace, pattern: str) -> None:
    path = sorted(run_copy.home.glob(pattern))[0]
    _flip(path)
    found = _verified(run_copy)
    named = [damage for damage in found.damaged if damage.file in (str(path), str(path.parent))]
    assert len(named) == 1, found.damaged
    assert path.name in named[0].text
    _follow(run_copy, named[0].text, path)
    assert _verified(run_copy).damaged == []


@pytest.mark.parametrize("name", ["whitening.safetensors", "references.safetensors"])
def test_a_night_stops_at_a_damaged_file_of_a_model_before_the_index_changes(run_copy: Workspace, name: str) -> None:
    path = run_copy.model("wns") / name
    _flip(path, 0.9)
    shutil.rmtree(run_copy.frame_path("wns/track_vectors"))
    shutil.rmtree(run_copy.home / "published")  # otherwise no point is made, and nothing of the index changes
    with pytest.raises(SimSongError, match=rf"{name} is not the file that was written: delete .*wns and run"):
        refresh(run_of(run_copy, publish_anyway=True))


def _drop_a_song(workspace: Workspace, config: PipelineConfig) -> None:
    with workspace.store(config.store) as store:
        name = store.aliases()[config.store.collection]
        store.delete(name, [next(iter(store.hashes(name)))])


def _turn_a_vector(workspace: Workspace, config: PipelineConfig) -> None:
    with workspace.store(config.store) as store:
        name = store.aliases()[config.store.collection]
        point = store.fetch(name, [next(iter(store.hashes(name)))], with_vectors=True)[0]
        store.upsert(name, [type(point)(point.point_id, {n: -v for n, v in point.vectors.items()}, point.payload)])


def _drop_the_folder(workspace: Workspace, config: PipelineConfig) -> None:
    shutil.rmtree(workspace.home / "qdrant")


@pytest.mark.parametrize("harm", [_drop_a_song, _turn_a_vector, _drop_the_folder])
def test_an_index_of_another_state_is_noticed_and_mended(
    run_copy: Workspace, harm: Callable[[Workspace, PipelineConfig], None]
) -> None:
    harm(run_copy, SMALL_CONFIG)
    found = _verified(run_copy)
    assert found.damaged
    for damage in found.damaged[:1]:
        _follow(run_copy, damage.text, run_copy.home)
    assert _verified(run_copy).damaged == []


def test_the_command_says_each_damage_as_json_and_ends_with_status_1(run_copy: Workspace) -> None:
    runner = CliRunner()
    arguments = ["verify", "--home", str(run_copy.home), "--json"]
    whole = runner.invoke(app, arguments)
    assert whole.exit_code == 0
    assert json.loads(whole.stdout)["damaged"] == 0
    _flip(run_copy.frame_path("tracks"))
    broken = runner.invoke(app, arguments)
    assert broken.exit_code == 1
    first, last = (json.loads(line) for line in broken.stdout.splitlines())
    assert first["file"] == str(run_copy.frame_path("tracks"))
    assert "delete it and run `simsong refresh`" in first["text"]
    assert last["damaged"] == 1


def test_vectors_that_are_not_of_length_1_are_named_whatever_their_checksum(run_copy: Workspace) -> None:
    vectors = run_copy.read("ns/track_vectors")
    scaled = pl.Series("audio", vectors["audio"].to_numpy() * 1.5, dtype=vectors.schema["audio"])
    run_copy.write("ns/track_vectors", vectors.with_columns(scaled))
    texts = [damage.text for damage in _verified(run_copy).damaged if "track_vectors" in damage.file]
    assert len(texts) == 1
    assert "audio vectors are not of length 1" in texts[0]
