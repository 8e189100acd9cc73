"""Each recording of a manifest is decoded and heard once; what was heard is kept, keyed by the file's hash."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio import musicnn_front_end
from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.description import FRONT_END, timbre
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.files import sha256_of, sha256_of_file, write_atomically
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.model_cache import BodyName, ensure_musicnn
from simsong_pipeline.listening import patch_starts

# The patches of these counts are heard at their very places; those of other counts are the nearest of these.
HEARD = (6, 8)


@dataclass(frozen=True)
class Heard:
    """What is kept of a recording.

    Attributes:
        starts: [p] frames of MusiCNN's front end at which the patches begin, ascending.
        rows: [p, bodies x 1756] what the bodies give for each.
        timbre: [230] of `audio.description`.
        log_mel: [frames, n_mels] for the encoders that are trained from scratch.
        samples: length at 16 kHz.
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.float16]
    timbre: NDArray[np.float32]
    log_mel: NDArray[np.float16]
    samples: int

    def patches(self, count: int) -> NDArray[np.float16]:
        """[<= count, channels] rows at the places where so many patches would be heard, or the nearest to them."""
        wanted = np.array(patch_starts(self.samples, count))
        nearest: NDArray[np.float16] = self.rows[abs(wanted[:, None] - self.starts).argmin(axis=1)]
        return nearest


def hear_all(paths: Sequence[Path], folder: Path, config: PipelineConfig, events: Events) -> list[Heard]:
    """Hear what the folder does not know yet, on all cores; in the order of `paths`.

    Raises:
        AudioError: a recording cannot be decoded.
        ModelUnavailableError: MusiCNN is neither here nor to be had.
    """
    files = ensure_musicnn(events)
    names = [cast(BodyName, model.removeprefix("musicnn-")) for model in config.body.models]
    bodies = [OnnxBody(files.onnx(name), config.inference) for name in names]
    version = sha256_of(feature_format(config).version, FRONT_END.model_dump(), HEARD, "heard-1")[:16]
    folder.mkdir(parents=True, exist_ok=True)

    def heard(path: Path) -> Heard:
        kept = folder / f"{sha256_of_file(path)[:24]}-{version}.npz"
        if not kept.is_file():
            _keep(kept, _hear(path, bodies, config))
        with np.load(kept) as stored:
            arrays = {name: stored[name] for name in ("starts", "rows", "timbre", "log_mel")}
            return Heard(samples=int(stored["samples"]), **arrays)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = []
        for result in pool.map(heard, paths):
            results.append(result)
            events.progress(len(results), len(paths))
        return results


def _hear(path: Path, bodies: Sequence[OnnxBody], config: PipelineConfig) -> Heard:
    samples = decode(path, musicnn_front_end.SAMPLE_RATE, config.audio.max_seconds).samples
    starts = sorted({start for count in HEARD for start in patch_starts(len(samples), count)})
    patches = musicnn_front_end.patches(samples, starts)
    rows = np.hstack([body.features(patches) for body in bodies]).astype(np.float16)
    spectrum = log_mel(samples, FRONT_END)
    return Heard(np.array(starts), rows, timbre(spectrum), spectrum, len(samples))


def _keep(path: Path, heard: Heard) -> None:
    arrays = {name: getattr(heard, name) for name in ("starts", "rows", "timbre", "log_mel")}
    write_atomically(path, lambda handle: np.savez(handle, samples=heard.samples, **arrays))


def columns(body: str, layer: str, config: PipelineConfig) -> NDArray[np.int64]:
    """The columns of a layer ("penultimate", "mean_pool", "max_pool", "tags" or "all") of one body in a row."""
    at = [str(model) for model in config.body.models].index(body) * MUSICNN_LAYOUT.width
    chosen = slice(0, MUSICNN_LAYOUT.width) if layer == "all" else getattr(MUSICNN_LAYOUT, layer)
    return np.arange(MUSICNN_LAYOUT.width)[chosen] + at
