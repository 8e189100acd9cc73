"""The command as a person calls it: in a process of its own."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
from conftest import SERVER

from simsong_pipeline.cli import diagnosis
from simsong_pipeline.config import PipelineConfig, StoreConfig
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Point
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.stores.opening import open_store
from simsong_pipeline.stores.payloads import point_id

Finished = tuple[Workspace, RunSummary]


def _simsong(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", *map(str, words)]
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("QDRANT_", "SIMSONG_"))}
    return subprocess.run(
        command, capture_output=True, text=True, env=variables | {"COLUMNS": "200"} | environment, check=False
    )


@pytest.mark.parametrize("command", ["", "sample", "run", "demo", "similar", "evaluate", "doctor"])
def test_every_command_explains_itself(command: str) -> None:
    done = _simsong(*command.split(), "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_similar_prints_one_object_a_neighbour(finished_run: Finished) -> None:
    workspace = finished_run[0]
    track_id = workspace.read("wns/track_vectors")["track_id"][0]
    done = _simsong("similar", track_id, "-k", 3, "--json", "--home", workspace.home)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 3
    assert all(isinstance(row["score"], float) and row["track_id"] for row in rows)


@pytest.mark.slow
def test_evaluate_prints_one_object_a_metric(run_copy: Workspace) -> None:
    done = _simsong("evaluate", "--json", "--home", run_copy.home)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == run_copy.read("metrics").height
    assert {"variant", "metric", "value", "ci_low", "chance", "oracle"} <= set(rows[0])


@pytest.mark.slow
def test_run_ends_with_one_object(run_copy: Workspace) -> None:
    run_copy.load_config()
    config = run_copy.home / "small.toml"
    config.write_text(
        '[encoder]\nkind = "convolution"\nstem_channels = 4\nwidths = [16, 24]\ndepths = [1, 1]\nembedding_dim = 16\n'
        "[train]\nsteps = 6\nbatch_size = 8\nwarmup_steps = 1\nvalidate_every = 3\n"
    )
    done = _simsong("run", "--json", "--config", config, "--publish-anyway", "--home", run_copy.home)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout.splitlines()[-1])
    assert record.pop("seconds") > 0
    assert record == {"tracks": 48, "excluded": 4, "copies": 0, "embedded": 0, "unchanged": 44, "upserted": 0}


@pytest.mark.slow
def test_unreadable_raw_file_gives_a_line_and_a_status_of_its_own(run_copy: Workspace) -> None:
    (run_copy.raw / "msd/data/TRBROKEN.h5").write_bytes(b"not HDF5")
    config = run_copy.home / "config.toml"
    config.write_text(
        '[encoder]\nkind = "convolution"\nstem_channels = 4\nwidths = [16, 24]\ndepths = [1, 1]\nembedding_dim = 16\n'
        "[train]\nsteps = 6\nbatch_size = 8\nwarmup_steps = 1\nvalidate_every = 3\n"
    )
    done = _simsong("run", "--config", config, "--publish-anyway", "--home", run_copy.home)
    assert done.returncode == 3
    assert "TRBROKEN.h5 is not a readable" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run",), "no raw data in"),
        (("run", "--raw", "nowhere"), "no raw data in nowhere"),
        (("run", "--manifest", "none.csv", "--relevance", "artist"), "no such manifest: none.csv"),
        (("run", "--config", "none.toml"), "configuration none.toml cannot be read"),
        (("run", "--qdrant-url", "http://127.0.0.1:9"), "Qdrant at http://127.0.0.1:9 does not answer"),
        (("run", "--qdrant-url", "not an address"), "Qdrant not an address"),
        (("similar", "x"), "run `simsong run` first"),
        (("evaluate",), "run `simsong run` first"),
    ],
)
def test_mistake_is_one_line_and_no_traceback(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = _simsong(*words, "--home", tmp_path / "home")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error:")


def test_wrong_field_of_the_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[train]\nstepps = 3\n")
    done = _simsong("run", "--config", tmp_path / "c.toml", "--home", tmp_path)
    assert done.returncode == 1
    assert "'train.stepps'" in done.stderr


def test_absent_server_is_one_line(finished_run: Finished) -> None:
    home = finished_run[0].home
    done = _simsong("similar", "x y z", "--home", home, "--qdrant-url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_unknown_song_suggests_others(finished_run: Finished) -> None:
    done = _simsong("similar", "qqqqq zzzzz", "--home", finished_run[0].home)
    assert done.returncode == 1
    assert "no song is called 'qqqqq zzzzz'; the nearest are:" in done.stderr


def test_doctor_names_what_runs(finished_run: Finished) -> None:
    done = _simsong("doctor", "--json", "--home", finished_run[0].home)
    assert done.returncode == 0, done.stdout
    findings = {f["check"]: f for line in done.stdout.splitlines() for f in [json.loads(line)]}
    assert "the encoder runs on" in findings["ONNX Runtime"]["detail"]
    assert findings["alias simsong"]["detail"].endswith("44 songs")


def test_doctor_fails_when_qdrant_does_not_answer(tmp_path: Path) -> None:
    done = _simsong("doctor", "--home", tmp_path, QDRANT_URL="http://127.0.0.1:9", QDRANT_API_KEY="s3cret-value")
    assert done.returncode == 1
    assert "does not answer" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("installed", "state", "detail"),
    [
        ({"onnxruntime": "1", "onnxruntime-gpu": "2"}, "problem", "clash"),
        ({"onnxruntime": "1"}, "ok", "onnxruntime 1"),
        ({}, "problem", "not installed"),
    ],
)
def test_doctor_sees_runtimes_that_clash(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], state: str, detail: str
) -> None:
    monkeypatch.setattr(diagnosis, "_version", installed.get)
    finding = next(iter(diagnosis._runtimes()))
    assert finding.state == state
    assert detail in finding.detail


def _advice(config: StoreConfig, folder: Path) -> diagnosis.Finding:
    """What the doctor says of an engine that holds five songs."""
    pipeline, name = PipelineConfig(store=config), f"doctor_{uuid.uuid4().hex}"
    with open_store(config, folder) as store:
        store.ensure_collection(name, 2, 2)
        try:
            points = [
                Point(point_id(str(n)), {"audio": np.ones(2, np.float32)}, {"track_id": str(n)}) for n in range(5)
            ]
            store.upsert(name, points)
            return diagnosis._engine(store, pipeline)
        finally:
            store.drop_others(name, [])


def test_doctor_leaves_a_small_catalogue_where_it_is(tmp_path: Path) -> None:
    finding = _advice(StoreConfig(engine="local"), tmp_path)
    assert (finding.state, "embedded mode" in finding.detail) == ("ok", True)


def test_doctor_advises_another_engine_beyond_what_the_local_one_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "LOCAL_SONGS", 4)
    finding = _advice(StoreConfig(engine="local"), tmp_path)
    assert finding.state == "note"
    assert 'there are 5: [store] engine = "edge"' in finding.detail


def test_doctor_leaves_a_large_catalogue_to_the_engine_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "LOCAL_SONGS", 4)
    finding = _advice(StoreConfig(engine="edge"), tmp_path)
    assert (finding.state, "hundreds of thousands" in finding.detail) == ("ok", True)


@pytest.mark.skipif(SERVER is None, reason="QDRANT_URL names no server")
def test_doctor_leaves_a_large_catalogue_to_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "LOCAL_SONGS", 4)
    finding = _advice(StoreConfig(url=SERVER), tmp_path)
    assert (finding.state, "a Qdrant server" in finding.detail) == ("ok", True)


def test_sample_command_writes_a_catalogue(tmp_path: Path) -> None:
    done = _simsong("sample", "--songs", 8, "--artists", 4, "--styles", 2, "--json", "--home", tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["songs"] == 8
    assert len(list((tmp_path / "raw/msd/data").rglob("*.h5"))) == 8
