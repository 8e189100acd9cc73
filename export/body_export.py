"""Writes a pretrained body as ONNX, and keeps the file only where ONNX Runtime gives what torch gives."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from export.onnx_export import export_module
from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT, MUSICNN_TAGS
from simsong_pipeline.audio.musicnn_front_end import N_MELS, PATCH_FRAMES, VERSION
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.learning.encoder.constant_filters import without_constant_filters
from simsong_pipeline.learning.encoder.musicnn import Musicnn

INPUT, OUTPUT = "patches", "features"
_TOLERANCE = 1e-4  # of what a value is, or of one
_BATCHES = (1, 2, 7)


def export_musicnn(body: Musicnn, name: str, path: Path) -> None:
    """Write `body` for patches [batch, 187, 96] → features [batch, 1756], any batch size, and compare.

    Filters that answer every input alike are left out: the file gives the same in less time.

    Args:
        name: `msd` or `mtt`, whose tags the file is to name.

    Raises:
        ModelError: it cannot be exported, or the file gives other values than `body`; it is deleted then.
    """
    metadata: dict[str, object] = {
        "body": f"musicnn-{name}",
        "front_end": VERSION,
        "layout": asdict(MUSICNN_LAYOUT),
        "tags": list(MUSICNN_TAGS[name]),
    }
    export_module(without_constant_filters(body), torch.zeros(2, PATCH_FRAMES, N_MELS), (INPUT, OUTPUT), metadata, path)
    difference = largest_difference(body, OnnxBody(path, InferenceConfig(provider="cpu")))
    if not difference <= _TOLERANCE:
        path.unlink()
        raise ModelError(f"musicnn-{name} gives other values under ONNX Runtime than under torch, by {difference:.2g}")


def largest_difference(body: Musicnn, session: OnnxBody) -> float:
    """The largest difference on hard patches in several batch sizes, relative to values above one."""
    worst = 0.0
    for size in _BATCHES:
        patches = np.resize(hard_patches(), (size, PATCH_FRAMES, N_MELS))
        with torch.inference_mode():
            expected = body(torch.from_numpy(patches)).numpy()
        difference = np.abs(session.features(patches) - expected) / np.maximum(1, np.abs(expected))
        # np.maximum lets a NaN through to the comparison, which it fails; max() could hide one.
        worst = float(np.maximum(worst, difference.max()))
    return worst


def hard_patches() -> NDArray[np.float32]:
    """[5, 187, 96]: silence, all bands loud, noise, a click, a rising sweep."""
    patches = np.zeros((5, PATCH_FRAMES, N_MELS), np.float32)
    patches[1] = 6.5
    patches[2] = np.random.default_rng(0).uniform(0, 6, (PATCH_FRAMES, N_MELS))
    patches[3, PATCH_FRAMES // 2] = 4
    patches[4, np.arange(PATCH_FRAMES), np.arange(PATCH_FRAMES) * N_MELS // PATCH_FRAMES] = 5
    return patches
