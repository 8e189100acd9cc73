"""The training meter, on clocks that are given."""

import os

import pytest
import torch

from simsong_pipeline.learning.training.throughput import Meter


def test_figures_cover_the_time_since_they_were_last_read() -> None:
    wall, busy = iter([0.0, 2.0, 3.0]), iter([0.0, 1.0, 1.5])
    meter = Meter(torch.device("cpu"), lambda: next(wall), lambda: next(busy))
    meter.count(64)
    meter.count(64)
    assert meter.figures() == pytest.approx({"segments_per_s": 64.0, "utilisation": 0.5 / (os.cpu_count() or 1)})
    meter.count(10)
    assert meter.figures()["segments_per_s"] == pytest.approx(10.0)
