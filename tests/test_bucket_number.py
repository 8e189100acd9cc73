"""How many buckets a home has is chosen once, and changes nothing of what a run computes."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import SMALL_CONFIG, run_of
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from simsong_pipeline.buckets import USUAL, Buckets
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import HomeConfig, PipelineConfig
from simsong_pipeline.errors import RawDataError, SimSongError
from simsong_pipeline.home.bucket_number import BucketNumber
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.bucket_work import work_on_buckets
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import run
from simsong_pipeline.runs.summary import RunSummary

FRAMES = ("tracks", "audio", "descriptions", "lyrics", "lyric_embeddings", "splits", "metrics", "exclusions")
# Of the folder that the raw data lie in, and the hash of weights.
OWN = {"path", "modified_ns", "file", "reason", "model_version"}
VECTORS = ("ns/track_vectors", "wns/track_vectors")
# Lyrics are embedded in batches of one bucket, and the last digits depend on the batch: of what is whitened and
# trained by them as well.
OF_LYRICS = {"lyric_embeddings", *VECTORS, "metrics"}


def _in(buckets: int | None) -> PipelineConfig:
    return SMALL_CONFIG.model_copy(update={"home": HomeConfig(buckets=buckets)})


@pytest.mark.parametrize("count", [0, 3, 100, 8192, -64])
def test_another_number_than_a_power_of_two_is_refused_in_a_sentence(tmp_path: Path, count: int) -> None:
    file = tmp_path / "large.toml"
    file.write_text(f"[home]\nbuckets = {count}\n")
    with pytest.raises(RawDataError, match=r"'home\.buckets': .*a power of two from 1 to 4096 is needed"):
        read_config(file, PipelineConfig(), {})


def test_the_number_is_no_part_of_what_is_remembered(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.save_config(_in(256))
    assert workspace.load_config() == SMALL_CONFIG
    assert "buckets" not in (tmp_path / "config.json").read_text()


def test_a_new_home_gets_the_number_that_is_asked_for_and_keeps_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.buckets == USUAL
    workspace.settle_buckets(None)
    assert not (tmp_path / "buckets.json").exists()
    workspace.settle_buckets(16)
    workspace.settle_buckets(256)  # nothing is in buckets yet
    assert (workspace.buckets, json.loads((tmp_path / "buckets.json").read_text())) == (Buckets(256), {"buckets": 256})
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / f"{Buckets(256).name(3)}.parquet").touch()
    workspace.settle_buckets(256)
    with pytest.raises(SimSongError, match=r"is kept in 256 buckets, and 512 are asked for: .*simsong split --home"):
        workspace.settle_buckets(512)
    with pytest.raises(
        SimSongError, match=r"is kept in 256 buckets, and 128 are asked for: .*nothing makes them fewer"
    ):
        workspace.settle_buckets(128)
    assert workspace.buckets == Buckets(256)


@pytest.mark.parametrize("command", ["run", "refresh by a night", "embed", "library"])
def test_a_home_of_an_earlier_version_has_64_and_another_number_is_refused(
    run_copy: Workspace, tmp_path: Path, command: str
) -> None:
    assert not (run_copy.home / "buckets.json").exists()
    assert run_copy.buckets == USUAL
    number = tmp_path / "number.toml"
    number.write_text("[home]\nbuckets = 128\n")
    home = ["--home", str(run_copy.home)]
    if command == "refresh by a night":
        refresh(run_of(run_copy, publish_anyway=True))
        assert run_copy.buckets == USUAL
        return
    words = {"run": ["run", "--buckets", "128"], "embed": ["embed", "--buckets", "0", "--config", str(number)]}
    given = words.get(command, ["library", str(tmp_path), "--buckets", "128"])
    error = CliRunner().invoke(app, [*given, *home]).exception
    assert isinstance(error, SimSongError)
    assert "is kept in 64 buckets, and 128 are asked for" in str(error)


@pytest.mark.parametrize("text", ["{}", "[]", '{"buckets": 100}', '{"buckets": 64, "beside": 64}', '{"buckets": "?"}'])
def test_a_damaged_number_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "buckets.json").write_text(text)
    with pytest.raises(RawDataError, match=r"buckets\.json is damaged: put "):
        BucketNumber(tmp_path).present()


@pytest.mark.slow
def test_workers_share_the_buckets_that_the_home_has(run_copy: Workspace) -> None:
    shutil.rmtree(run_copy.home / "features")
    for folder in ("frames", "published"):
        shutil.rmtree(run_copy.home / folder)
    run_copy.save_config(SMALL_CONFIG)
    run_copy.settle_buckets(128)
    refused = CliRunner().invoke(app, ["embed", "--buckets", "127-128", "--home", str(run_copy.home)])
    assert refused.exit_code == 2
    assert "there are 128 buckets" in " ".join(refused.output.replace("│", " ").split())
    done = [work_on_buckets(run_of(run_copy), numbers) for numbers in (range(64), range(64, 128))]
    files = {path.name for path in (run_copy.home / "features").glob("bucket-*.parquet")}
    assert files <= {f"{Buckets(128).name(bucket)}.parquet" for bucket in range(128)}
    assert min(part.decoded for part in done) > 0
    assert work_on_buckets(run_of(run_copy), range(128)).decoded == 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [16, 256])
def test_a_run_in_any_number_of_buckets_has_the_same_results(
    finished_run: tuple[Workspace, RunSummary], sample_raw: Path, tmp_path: Path, count: int
) -> None:
    workspace = Workspace(tmp_path / "home")
    shutil.copytree(sample_raw, workspace.raw)
    summary = run(run_of(workspace, config=_in(count), publish_anyway=True))
    usual = finished_run[0]
    assert (workspace.buckets.count, usual.buckets.count) == (count, 64)
    for name in (*FRAMES, *VECTORS):
        columns = [c for c in usual.read(name).columns if c not in OWN]
        one, other = (w.read(name).select(columns) for w in (workspace, usual))
        assert_frame_equal(one, other, check_exact=name not in OF_LYRICS, abs_tol=1e-3)
    trained = [(w.model("ns") / "encoder.safetensors").read_bytes() for w in (workspace, usual)]
    assert trained[0] == trained[1]
    assert summary.embedded == finished_run[1].embedded
    again = refresh(run_of(workspace, publish_anyway=True))
    assert (again.embedded, again.upserted) == (0, 0)
