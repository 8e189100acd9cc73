"""Data-parallel training in real processes: gradients, and the command under torchrun."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from conftest import SMALL_CONFIG

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.learning.losses import info_nce
from simsong_pipeline.learning.training.loop import _positives
from simsong_pipeline.learning.training.processes import Processes
from simsong_pipeline.runs.summary import RunSummary

pytestmark = pytest.mark.slow
WORLD, ROWS, WIDTH = 2, 6, 5


def _model() -> torch.nn.Linear:
    torch.manual_seed(0)
    return torch.nn.Linear(4, WIDTH)


def _contrast(vectors: torch.Tensor) -> torch.Tensor:
    """InfoNCE of all processes' views, each against all others."""
    targets = torch.nn.functional.one_hot(_positives(ROWS, WORLD), len(vectors)).float()
    return info_nce(vectors @ vectors.T / 0.2, targets, 1 - torch.eye(len(vectors)))


def _loss(processes: Processes, model: torch.nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
    vectors = processes.gather(torch.nn.functional.normalize(model(inputs), dim=1))
    return _contrast(vectors)


def _worker(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=WORLD)
    processes, model = Processes(rank, WORLD, rank), _model()
    inputs = torch.from_numpy(np.load(f"{folder}/inputs.npy"))[rank * ROWS : (rank + 1) * ROWS]
    _loss(processes, model, inputs).backward()
    processes.average_gradients(model)
    np.save(f"{folder}/gradient{rank}.npy", model.weight.grad.numpy())
    dist.destroy_process_group()


def test_gathered_gradient_is_that_of_one_process_with_all_songs(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(WORLD * ROWS, 4)).astype(np.float32)
    np.save(tmp_path / "inputs.npy", inputs)
    model = _model()
    vectors = torch.nn.functional.normalize(model(torch.from_numpy(inputs)), dim=1)
    _contrast(vectors).backward()
    mp.spawn(_worker, (str(tmp_path),), nprocs=WORLD)
    for rank in range(WORLD):
        np.testing.assert_allclose(np.load(tmp_path / f"gradient{rank}.npy"), model.weight.grad.numpy(), atol=1e-6)


def test_torchrun_trains_and_the_next_run_embeds(finished_run: tuple[Workspace, RunSummary], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(finished_run[0].home, home)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "simsong_pipeline.cli.main", "train", "--variant", "ns", "--steps", "4", "--json", "--home", home]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launcher, *map(str, command)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [r["variant"] for r in records] == ["ns"]
    assert records[0]["best_step"] <= 4
    assert not (home / "models/ns/encoder.onnx").exists()
    assert SMALL_CONFIG.train.steps != 4
