"""Checkpoints in safetensors: weights, optimiser state and history. No pickles.

All randomness follows from the seed and the step, so these restore a run to the bit on a CPU.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from simsong_pipeline.errors import ModelError
from simsong_pipeline.files import write_bytes


@dataclass(frozen=True)
class Checkpoint:
    """State after `step` steps. `config_hash` guards against resuming another experiment."""

    step: int
    best_step: int
    best_recall: float | None
    config_hash: str
    history: list[dict[str, float]]


def save_checkpoint(
    path: Path, state: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer, best: dict[str, Tensor]
) -> None:
    """Write everything needed to go on, atomically."""
    tensors = {f"model.{name}": t for name, t in model.state_dict().items()}
    tensors |= {f"best.{name}": t for name, t in best.items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(t) for name, t in values.items()}
    metadata = {"state": json.dumps(vars(state))}
    write_bytes(path, save({n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}, metadata))


def load_checkpoint(
    path: Path, config_hash: str, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Checkpoint, dict[str, Tensor]] | None:
    """Restore `model` and `optimizer`; null where there is no checkpoint of this configuration.

    Raises:
        ModelError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            state = Checkpoint(**json.loads(file.metadata()["state"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"checkpoint {path} is damaged ({error}): delete it to train from the start") from error
    if state.config_hash != config_hash:
        return None
    model.load_state_dict(_below(tensors, "model."))
    _restore_optimizer(optimizer, _below(tensors, "optimizer."))
    return state, _below(tensors, "best.")


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def save_encoder(path: Path, weights: dict[str, Tensor]) -> None:
    """Write an encoder's weights alone."""
    write_bytes(path, save({n: t.detach().cpu().contiguous().clone() for n, t in weights.items()}))
