"""Data-parallel processes as `torchrun` starts them, with embeddings gathered so that all see all negatives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.nn.functional as dist_nn
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class Processes:
    """This process's place among all; a single one by itself is rank 0 of 1."""

    rank: int
    world: int
    local_rank: int

    @property
    def is_first(self) -> bool:
        """True for the process that validates and writes."""
        return self.rank == 0

    def gather(self, embeddings: Tensor) -> Tensor:
        """[n, d] of each process → [world * n, d]; gradients flow back to the process they came from."""
        if self.world == 1:
            return embeddings
        return torch.cat(list(dist_nn.all_gather(embeddings)))  # type: ignore[no-untyped-call]

    def gather_songs(self, songs: NDArray[np.int64]) -> NDArray[np.int64]:
        """[n] of each process → [world * n]."""
        if self.world == 1:
            return songs
        parts: list[NDArray[np.int64]] = [songs] * self.world
        dist.all_gather_object(parts, songs)
        return np.concatenate(parts)

    def average_gradients(self, module: nn.Module) -> None:
        """Average gradients over the processes.

        Each process backpropagates the same loss over all views, and the gather sums what comes back from
        all of them, so the average is the gradient of that loss.
        """
        if self.world == 1:
            return
        for parameter in module.parameters():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= self.world


def is_alone() -> bool:
    """True outside of `torchrun`, and where it started a single process."""
    return int(os.environ.get("WORLD_SIZE", "1")) == 1


def is_first_process() -> bool:
    """True for a process by itself and for rank 0 under `torchrun`: the one that writes files."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def joined_processes(device: torch.device) -> Iterator[Processes]:
    """Join the group that `torchrun` describes in the environment, if any."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes(0, 1, 0)
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), world, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        dist.destroy_process_group()
