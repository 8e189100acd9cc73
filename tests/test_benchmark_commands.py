"""Every benchmark starts by its command line and comes to its end, on as little as it takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import SMALL_TOML

from benchmarks.nights import write_song
from benchmarks.real_music.peers import PACKAGES, is_installed
from simsong_pipeline.home.model_cache import MusicnnFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.summary import RunSummary

ROOT = Path(__file__).resolve().parents[1]
BRIEF = """
[train]
steps = 6
head_steps = 6
batch_size = 8
warmup_steps = 1
validate_every = 3
"""


def start(name: str, *options: object) -> str:
    """What `python -m name` prints; a failure is shown as it was said."""
    command = [sys.executable, "-m", name, *map(str, options)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_index() -> None:
    said = start("benchmarks.index", "--songs", 300, "--queries", 5, "--changed", 20)
    assert said.count("'recall_at_10'") == 2  # of both engines


def test_embedding(finished_run: tuple[Workspace, RunSummary]) -> None:
    said = start("benchmarks.embedding", "--home", finished_run[0].home, "--songs", 2, "--rounds", 1, "--no-compile")
    assert "encoder, ONNX Runtime against torch" in said


@pytest.mark.slow
def test_embedding_of_a_home_that_hears_by_bodies(
    sample_raw: Path, tmp_path: Path, musicnn_files: MusicnnFiles
) -> None:
    config = tmp_path / "brief.toml"
    config.write_text(BRIEF + "[body]\npatches = 1\n")
    command = ["run", "--raw", sample_raw, "--home", tmp_path / "home", "--config", config, "--publish-anyway"]
    subprocess.run([sys.executable, "-m", "simsong_pipeline.cli.main", *map(str, command)], check=True, cwd=ROOT)
    said = start("benchmarks.embedding", "--home", tmp_path / "home", "--songs", 2, "--rounds", 1, "--no-compile")
    for network in ("musicnn-msd", "musicnn-mtt", "head"):
        assert f"{network}, ONNX Runtime against torch" in said


@pytest.mark.slow
def test_nights(tmp_path: Path) -> None:
    config = tmp_path / "scratch.toml"
    config.write_text(SMALL_TOML)
    options = ("--songs", 24, "--seconds", 4, "--new", 2, "--rounds", 1, "--config", config)
    assert "a night, index included" in start("benchmarks.nights", *options)


@pytest.mark.slow
def test_quality_of_heads_and_of_encoders_from_scratch(tmp_path: Path, musicnn_files: MusicnnFiles) -> None:
    config = tmp_path / "brief.toml"
    config.write_text(SMALL_TOML.replace('kind = "convolution"', "") + "[body]\npatches = 1\n")
    recipes = ("ns", "wns", "start", "head", "convolution")
    options = ("--datasets", "sample-small", "--seeds", 1, "--config", config, "--recipes", *recipes)
    start("benchmarks.quality", "--out", tmp_path / "out", *options)
    methods = set(pl.read_csv(tmp_path / "out" / "summary.csv")["method"])
    assert {f"{recipe}_{kind}" for recipe in recipes for kind in ("audio", "fused")} | {"mfcc", "lyrics"} <= methods
    pairs = set(pl.read_csv(tmp_path / "out" / "differences.csv")["pair"])
    assert {"ns_fused - start_fused", "head_audio - start_audio", "ns_fused - convolution_fused"} <= pairs


@pytest.mark.slow
def test_quality_by_the_data_sets_features_alone(tmp_path: Path) -> None:
    recipes = ("events_start", "events_transformer", "convolution")
    options = ("--datasets", "bags-small", "--seeds", 1, "--recipes", *recipes)
    said = start("benchmarks.quality", "--out", tmp_path / "out", *options)
    assert "convolution: not of this catalogue" in said
    methods = set(pl.read_csv(tmp_path / "out" / "summary.csv")["method"])
    assert {"random", "timbre", "lyrics", "events_start_fused", "events_transformer_fused"} <= methods
    home = Workspace(tmp_path / "out" / "homes" / "bags-small-1")
    assert set(home.read("lyrics").filter(status="ok")["provider"]) == {"musixmatch"}
    pairs = set(pl.read_csv(tmp_path / "out" / "differences.csv")["pair"])
    assert {"events_transformer_fused - timbre", "events_transformer_fused - lyrics"} <= pairs


@pytest.mark.slow
def test_real_music(tmp_path: Path, musicnn_files: MusicnnFiles) -> None:
    rng, rows = np.random.default_rng(0), []
    for number in range(16):
        write_song(tmp_path / f"{number}.ogg", rng, 4.0)
        rows.append((f"{number}.ogg", f"artist {number // 2}", f"genre {number % 3}", f"source {number // 8}"))
    manifest, out = tmp_path / "manifest.csv", tmp_path / "out"
    pl.DataFrame(rows, schema=["path", "artist", "genre", "source"], orient="row").write_csv(manifest)
    learned = ("--heads", "--seeds", 1, "--learning-rates", 0.002, "--steps", 3)
    scratch = ("--scratch", "sample-small", "--config", tmp_path / "scratch.toml")
    (tmp_path / "scratch.toml").write_text(SMALL_TOML)
    options = ("--manifest", manifest, "--out", out, "--bootstrap", 100)
    said = start("benchmarks.real_music", *options, *learned, *scratch)
    table = pl.read_csv(out / "summary.csv")
    assert set(table["task"]) >= {"artist", "genre", "genre, other artists", "artist, within one source"}
    assert {"mfcc", "served", "scratch", "patches_1", "served+mp", "fitted_on_5"} <= set(table["method"])
    assert {"at_random", "at_beginning", "mean+std_0.5", "unit_patches", "best_pair"} <= set(table["method"])
    for peer, package in PACKAGES.items():
        assert (peer in set(table["method"])) == is_installed(peer)
        assert (package in said) != is_installed(peer)
    heads = pl.read_csv(out / "heads-differences.csv")
    assert set(heads["method"]) == {"head_0.002_3"}


@pytest.mark.slow
def test_body(musicnn_files: MusicnnFiles) -> None:
    said = start("benchmarks.body", "--body", "mtt", "--batches", 1, "--rounds", 1)
    assert [line.split()[0] for line in said.splitlines()] == ["part", "front", "ONNX", "torch"]


@pytest.mark.slow
def test_head(tmp_path: Path) -> None:
    config = tmp_path / "brief.toml"
    config.write_text(BRIEF)
    said = start("benchmarks.head", "--songs", 60, "--config", config)
    assert [" ".join(line.split()[1:-2]) for line in said.splitlines()[2:]] == ["start", "NS head", "WNS head"]


@pytest.mark.slow
def test_song(musicnn_files: MusicnnFiles) -> None:
    said = start("benchmarks.song", "--seconds", 4, 8, "--rounds", 1)
    parts = {line[:34].strip() for line in said.splitlines()}
    assert {"decode and resample", "front end", "index, a point"} <= parts
    for network in ("musicnn-msd", "musicnn-mtt", "head"):
        assert {f"{network}, ONNX Runtime", f"{network}, torch"} <= parts


@pytest.mark.slow
def test_scale() -> None:
    """Planted cores are found, and both ways give the same."""
    said = start("benchmarks.scale", "--songs", 3_000, "--size", 100, "--queries", 200)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines() if line.startswith("|")]
    found = {row[0]: row[4] for row in rows[2:]}
    assert found["catalogue"] == "tracks 3000"
    assert found["lists"] == found["lists, as texts"] == found["lists, as the frame of a run"]
    assert found["evaluation, a part in blocks"] == found["evaluation, whole matrix"]
    chosen, drawn = (float(part.split()[-1]) for part in found["select, all of it"].split(", neigh"))
    assert chosen > 5 * drawn
    assert "queries 200" in found["evaluation, all songs"]
    assert said.count(" x, memory ") == 2


def test_a_stage_whose_data_are_not_there_names_the_one_that_makes_them(tmp_path: Path) -> None:
    options = ("--songs", "300", "--data", str(tmp_path), "--stages", "tags")
    command = [sys.executable, "-m", "benchmarks.scale", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "the stage 'catalogue' comes first: name it in --stages as well",
        "the stage 'tags' ended with exit status 1",
    ]


@pytest.mark.slow
def test_first_night(tmp_path: Path) -> None:
    config = tmp_path / "brief.toml"
    config.write_text(BRIEF + '[encoder]\nkind = "convolution"\nwidths = [8, 8]\n')
    options = ("--other", ROOT, "--whole", 0, "--clips", 8, "--rounds", 1, "--config", config)
    said = start("benchmarks.first_night", *options)
    assert said.count("'cpu_ratio'") == 1  # of the clips


@pytest.mark.parametrize("engine", ["edge", pytest.param("local", marks=pytest.mark.slow)])
def test_service(engine: str) -> None:
    options = ("--songs", 300, "--clients", 1, 4, "--seconds", 0.5, "--engine", engine, "--warm", 20, "--json")
    rows = [json.loads(line) for line in start("benchmarks.service", *options).splitlines()]
    assert [row["what"] for row in rows] == ["engine", "1 clients", "4 clients"]
    assert all(row["failed"] == 0 and row["answers"] > 5 and row["p50_ms"] > 0 for row in rows[1:])


@pytest.mark.slow
def test_accelerator(musicnn_files: MusicnnFiles) -> None:
    options = ("--devices", "cpu", "--songs", 8, "--rows", 260, "--batch", 4, "--steps", 10, "--inputs", 4)
    said = start("benchmarks.accelerator", *options, "--kinds", "convolution")
    rows = [line.split() for line in said.splitlines() if " cpu " in line]
    assert [row[0] for row in rows] == ["musicnn-msd", "musicnn-mtt", "encoder,", "convolution"]
    assert all(float(row[row.index("cpu") + 1]) > 0 for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["tree", "aggregates"])
def test_reading_of_features(form: str) -> None:
    said = start("benchmarks.scale.events", "--songs", 40, "--events", 20, "--form", form).splitlines()
    assert [line.split("|")[1:3] for line in said[2:]] == [[" threads ", " 40 "], [" processes ", " 40 "]]
