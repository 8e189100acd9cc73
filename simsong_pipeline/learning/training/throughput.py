"""How fast training goes, and how much of the machine it uses."""

import os
import time
from collections.abc import Callable

import torch

Clock = Callable[[], float]


class Meter:
    """Counts segments; `figures` are over the time since the meter was made or last read.

    Args:
        clock: seconds on any scale.
        busy: seconds of processor time on any scale.
    """

    def __init__(self, device: torch.device, clock: Clock = time.perf_counter, busy: Clock = time.process_time) -> None:
        self._device, self._clock, self._busy = device, clock, busy
        self._segments = 0
        self._gpu: list[int] = []
        self._ask_gpu = device.type == "cuda"
        self._since, self._busy_since = clock(), busy()

    def count(self, segments: int) -> None:
        """After a step. On a GPU its utilisation is sampled, where the driver's library can be asked."""
        self._segments += segments
        if self._ask_gpu:
            try:
                self._gpu.append(torch.cuda.utilization(self._device))
            except (ModuleNotFoundError, RuntimeError):  # no nvidia-ml-py, or a driver without it: the cores' share
                self._ask_gpu = False

    def figures(self) -> dict[str, float]:
        """segments_per_s, and utilisation from 0 to 1: of the GPU's time, or of all cores' without a GPU."""
        now, busy = self._clock(), self._busy()
        wall = max(now - self._since, 1e-9)
        share = (busy - self._busy_since) / wall / (os.cpu_count() or 1)
        if self._gpu:
            share = sum(self._gpu) / len(self._gpu) / 100
        found = {"segments_per_s": self._segments / wall, "utilisation": min(1.0, share)}
        self._segments, self._gpu = 0, []
        self._since, self._busy_since = now, busy
        return found
