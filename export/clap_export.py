"""Writes the audio tower of a CLAP model as ONNX, and keeps the file only where ONNX Runtime gives what torch gives."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from export.onnx_export import export_module
from simsong_pipeline.audio.body_layout import BodyLayout
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.learning.encoder.clap import ClapParts

_TOLERANCE = 1e-4  # of vectors of unit length
_BATCHES = (1, 3)


def export_clap(parts: ClapParts, path: Path) -> None:
    """Write the tower for patches [batch, frames, n_mels] → features [batch, width], any batch size, and compare.

    Raises:
        ModelError: it cannot be exported, or the file gives other values than the tower; it is deleted then.
    """
    layout = BodyLayout(last=parts.width, pooled=0, labels=0)
    metadata: dict[str, object] = {"layout": asdict(layout), "tags": [], "front_end": asdict(parts.front_end)}
    shape = (parts.front_end.frames, parts.front_end.n_mels)
    export_module(parts.tower, torch.zeros(2, *shape), ("patches", "features"), metadata, path)
    session = OnnxBody(path, InferenceConfig(provider="cpu"))
    for size in _BATCHES:
        patches = np.random.default_rng(size).uniform(-100, 40, (size, *shape)).astype(np.float32)
        patches[0] = -100  # silence
        with torch.inference_mode():
            expected = parts.tower(torch.from_numpy(patches)).numpy()
        difference = float(np.abs(session.features(patches) - expected).max())
        if not difference <= _TOLERANCE:
            path.unlink()
            raise ModelError(f"the CLAP model differs under ONNX Runtime from torch by {difference:.2g}")
