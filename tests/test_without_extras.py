"""The package alone: a night with a new song that has lyrics, and queries, in processes that refuse torch."""

import json
import re
import shutil
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
from conftest import QUIET, SMALL_CONFIG, run_of
from without_modules import OF_EXTRAS, night_without, simsong_without, started_without

from simsong_pipeline.extras import extra_of
from simsong_pipeline.home.lyric_model_cache import fetch_minilm
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.night import refresh


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache that a training machine hands to others."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMSONG_MODELS", str(folder))
        fetch_minilm(QUIET)
    return folder


def _files_of(workspace: Workspace, track_id: str) -> list[Path]:
    """Sound and words."""
    return [path for kind in ("audio", "lyrics") for path in (workspace.raw / kind).rglob(f"{track_id}.*")]


@pytest.fixture
def lacking(run_copy: Workspace, tmp_path: Path) -> tuple[Workspace, str, pl.DataFrame]:
    """A home whose last night had not yet seen one song that has lyrics; its vectors of before."""
    with_words = run_copy.read("lyrics").filter(status="ok")["track_id"]
    track_id = run_copy.read("wns/track_vectors").filter(pl.col("track_id").is_in(with_words.implode()))["track_id"][0]
    before = run_copy.read("lyric_embeddings")
    files = _files_of(run_copy, track_id)
    assert len(files) == 2
    for path in files:
        shutil.move(path, tmp_path / path.name)
    refresh(run_of(run_copy, publish_anyway=True))
    assert track_id not in run_copy.read("wns/track_vectors")["track_id"].to_list()
    for path in files:
        shutil.move(tmp_path / path.name, path)
    return run_copy, track_id, before


def test_a_night_and_queries_do_without_any_extra(lacking: tuple[Workspace, str, pl.DataFrame], models: Path) -> None:
    workspace, track_id, before = lacking
    home = ["--home", str(workspace.home)]
    night, similar, about, why, verify, doctor = simsong_without(
        OF_EXTRAS,
        ["refresh", "--publish-anyway", "--json", *home],
        ["similar", track_id, "--json", *home],
        ["about", "the waves of the sea", "--json", *home],
        ["why", track_id, workspace.read("wns/track_vectors")["track_id"][0], *home],
        ["verify", *home],
        ["doctor", "--json", *home],
        models=models,
    )
    assert night[0] == 0, night
    assert json.loads(night[1].splitlines()[-1])["embedded"] == 1
    for status, out, err in (similar, about, why, verify, doctor):
        assert (status, "Traceback" in out + err) == (0, False), (out, err)
    assert len(similar[1].splitlines()) == 10
    embedded = workspace.read("lyric_embeddings")
    # As before the song was gone, when torch was there: its hash of the model too, so nothing else was embedded.
    assert embedded.drop("vector").equals(before.drop("vector"))
    one, other = (frame.filter(track_id=track_id)["vector"].to_numpy() for frame in (embedded, before))
    np.testing.assert_allclose(one, other, atol=1e-3)
    states = {finding["check"]: finding["state"] for line in doctor[1].splitlines() for finding in [json.loads(line)]}
    assert (states["training runs on"], states["ONNX Runtime"]) == ("note", "ok")


@pytest.mark.slow
def test_the_service_needs_its_own_extra_alone(run_copy: Workspace, models: Path) -> None:
    others = tuple(name for name in OF_EXTRAS if name not in ("starlette", "uvicorn", "httptools", "sklearn", "PIL"))
    words = ["serve", "--home", str(run_copy.home), "--port", "0"]
    with started_without(others, words, models) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address is not None, line
        with httpx.Client(base_url=address[0], trust_env=False) as client:
            songs = client.get("/api/v1/songs").json()
            about = client.get("/api/v1/about", params={"text": "the waves of the sea"})
            page, drawn = client.get("/"), client.get("/api/v1/map")
    assert songs["total"] > 40
    assert about.status_code == 200, about.text
    assert len(about.json()["songs"]) == 10
    assert (page.status_code, drawn.status_code) == (200, 200)


@pytest.mark.slow
def test_a_night_by_dagster_needs_its_own_extra_alone(run_copy: Workspace, models: Path) -> None:
    brought = ("dagster", "matplotlib", "sklearn", "PIL", "starlette", "uvicorn", "httptools")
    others = tuple(name for name in OF_EXTRAS if name not in brought)
    run_copy.save_config(SMALL_CONFIG)
    files = sorted((run_copy.raw / "audio").rglob("*.flac"))
    shutil.copyfile(files[0], files[1])
    run_copy.report.unlink()
    told = night_without(others, run_copy.home, models)
    assert told == {"success": True, "failed": {}}
    assert run_copy.report.is_file()


COMMANDS = {
    "train": [["run"], ["demo"], ["train"], ["evaluate"], ["report-card"], ["library", "."]],
    "serve": [["serve"]],
    "youtube": [["fetch", "audio", "--accept-terms"]],
    "ray": [["refresh", "--engine", "ray"]],
    "s3": [["select", "--size", "5", "--raw", "s3://bucket/raw"]],
}


@pytest.mark.parametrize("columns", [60, pytest.param(80, marks=pytest.mark.slow)])
def test_commands_say_in_a_line_what_to_install(run_copy: Workspace, models: Path, columns: int) -> None:
    asked = [(extra, words) for extra, commands in COMMANDS.items() for words in commands]
    answers = simsong_without(
        OF_EXTRAS, *[[*words, "--home", str(run_copy.home)] for _, words in asked], columns=columns, models=models
    )
    for (extra, words), (status, out, err) in zip(asked, answers, strict=True):
        last = err.strip().splitlines()[-1]
        assert (status, out) == (1, ""), (words, out, err)
        assert last.startswith("error: "), (words, err)
        assert last.endswith(f"pip install 'simsong[{extra}]'"), (words, err)
        assert len([line for line in err.splitlines() if "not installed" in line]) == 1


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch.nn", "train"),
        ("sklearn", "train"),
        ("starlette.routing", "serve"),
        ("s3fs", "s3"),
        ("polars", None),
        ("os", None),
    ],
)
def test_each_module_is_known_by_its_extra(module: str, extra: str | None) -> None:
    assert extra_of(module) == extra
