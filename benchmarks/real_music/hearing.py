"""Each recording of a manifest is decoded and heard once, at all places that are asked for; what was heard is kept."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_music.places import Places, even, named_places
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

# Patches in a call: they are some fifty a recording, and each takes tens of MB inside of a body.
_AT_ONCE = 8
_ARRAYS = ("starts", "rows", "timbre", "log_mel")


@dataclass(frozen=True)
class Heard:
    """What is kept of a recording.

    Attributes:
        starts: [p] frames of MusiCNN's front end at which the patches begin, ascending.
        rows: [p, bodies x 1756] what the bodies give for each.
        timbre: [230] of `audio.description`.
        log_mel: [frames, n_mels] for the encoders that are trained from scratch.
        samples: length at 16 kHz.
        seed: of places that are drawn; the file's own.
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.float16]
    timbre: NDArray[np.float32]
    log_mel: NDArray[np.float16]
    samples: int
    seed: int

    def patches(self, count: int) -> NDArray[np.float16]:
        """[<= count, channels] rows at the places where so many patches would be heard."""
        return self.at(even(count))

    def at(self, places: Places) -> NDArray[np.float16]:
        """[patches, channels] rows at the places.

        Raises:
            ValueError: they were not heard.
        """
        wanted = places(musicnn_front_end.frame_count(self.samples), self.seed)
        row_of = {start: row for row, start in enumerate(self.starts.tolist())}
        if missing := set(wanted) - set(row_of):
            raise ValueError(f"no patch was heard from frame {min(missing)} on")
        found: NDArray[np.float16] = self.rows[[row_of[start] for start in wanted]]
        return found


def hear_all(paths: Sequence[Path], folder: Path, config: PipelineConfig, events: Events) -> list[Heard]:
    """Hear what the folder does not know yet, on all cores; in the order of `paths`.

    Raises:
        AudioError: a recording cannot be decoded.
        ModelUnavailableError: MusiCNN is neither here nor to be had.
    """
    files = ensure_musicnn(events)
    names = [cast(BodyName, model.removeprefix("musicnn-")) for model in config.body.models]
    inference = config.inference.model_copy(update={"batch_size": _AT_ONCE})
    bodies = [OnnxBody(files.onnx(name), inference) for name in names]
    places = named_places(config.body.patches)
    version = sha256_of(feature_format(config).version, FRONT_END.model_dump(), sorted(places), "heard-2")[:16]
    folder.mkdir(parents=True, exist_ok=True)

    def heard(path: Path) -> Heard:
        digest = sha256_of_file(path)
        kept = folder / f"{digest[:24]}-{version}.npz"
        if not kept.is_file():
            _keep(kept, _hear(path, int(digest[:8], 16), bodies, list(places.values()), config))
        with np.load(kept) as stored:
            arrays = {name: stored[name] for name in _ARRAYS}
            return Heard(samples=int(stored["samples"]), seed=int(stored["seed"]), **arrays)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = []
        for result in pool.map(heard, paths):
            results.append(result)
            events.progress(len(results), len(paths))
        return results


def _hear(path: Path, seed: int, bodies: Sequence[OnnxBody], places: Sequence[Places], config: PipelineConfig) -> Heard:
    samples = decode(path, musicnn_front_end.SAMPLE_RATE, config.audio.max_seconds).samples
    frames = musicnn_front_end.frame_count(len(samples))
    starts = sorted({start for chosen in places for start in chosen(frames, seed)})
    patches = musicnn_front_end.patches(samples, starts)
    rows = np.hstack([body.features(patches) for body in bodies]).astype(np.float16)
    spectrum = log_mel(samples, FRONT_END)
    return Heard(np.array(starts), rows, timbre(spectrum), spectrum, len(samples), seed)


def _keep(path: Path, heard: Heard) -> None:
    arrays = {name: getattr(heard, name) for name in _ARRAYS}
    write_atomically(path, lambda handle: np.savez(handle, samples=heard.samples, seed=heard.seed, **arrays))


def columns(body: str, layer: str, config: PipelineConfig) -> NDArray[np.int64]:
    """The columns of a layer ("penultimate", "mean_pool", "max_pool", "tags" or "all") of one body in a row."""
    at = [str(model) for model in config.body.models].index(body) * MUSICNN_LAYOUT.width
    chosen = slice(0, MUSICNN_LAYOUT.width) if layer == "all" else getattr(MUSICNN_LAYOUT, layer)
    return np.arange(MUSICNN_LAYOUT.width)[chosen] + at
