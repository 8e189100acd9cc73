"""What a GPU gives: networks under ONNX Runtime on CUDA beside the CPU, and training steps on both.

Run from the repository, on a machine with a GPU: `python -m benchmarks.accelerator`. Inputs are drawn, so no data are
needed. Each network answers the same inputs on every device: `cosine` is the smallest between a device's answers and
the first one's. Rates are of the whole machine: all cores, or one GPU. Training takes the steps of the ordinary loop,
and its first steps, which compile, are left out.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from export.onnx_export import export_encoder
from simsong_pipeline.audio import event_statistics, musicnn_front_end
from simsong_pipeline.audio.body_layout import start_weights
from simsong_pipeline.audio.event_layout import event_rows
from simsong_pipeline.audio.feature_format import feature_format, hears_events, keeps_log_mels
from simsong_pipeline.audio.segments import input_frames
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import EncoderConfig, EventConfig, InferenceConfig, PipelineConfig, TrainConfig
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.hearing import body_features
from simsong_pipeline.home.model_cache import BODIES, ensure_musicnn
from simsong_pipeline.inference import OnnxEncoder, cuda_is_usable
from simsong_pipeline.learning.batches import TrainingSongs
from simsong_pipeline.learning.encoder.start import fit_own_scale, fit_start
from simsong_pipeline.learning.training.loop import train
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.stages.encoders import build_encoder, trainee_of

_LYRIC_DIM = 64
_WARM_UP = 10
Answer = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Size:
    """How much is measured: songs to train on and their rows, songs a batch, steps, and inputs to answer."""

    songs: int
    rows: int
    batch: int
    steps: int
    inputs: int
    inputs_a_call: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", nargs="+", choices=["cpu", "cuda"], default=_devices())
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--songs", type=int, default=512, help="to train on")
    parser.add_argument("--rows", type=int, default=1_500, help="of a song's features")
    parser.add_argument("--batch", type=int, default=128, help="songs in a training batch")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--inputs", type=int, default=2_048, help="to answer")
    parser.add_argument("--inputs-a-call", type=int, default=64)
    chosen = parser.parse_args(arguments)
    size = Size(chosen.songs, chosen.rows, chosen.batch, chosen.steps, chosen.inputs, chosen.inputs_a_call)
    print(f"{os.cpu_count()} cores; {torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'}")
    print(f"\n{'network':26} {'device':6} {'inputs/s':>10} {'of the 1st':>11} {'cosine':>9}")
    for name, inputs, opened in _networks(chosen.kinds, size):
        _answer(name, inputs, opened, chosen.devices, size)
    print(f"\n{'training':26} {'device':6} {'segments/s':>10} {'of the 1st':>11} {'busy':>9} {'loss':>9}")
    for kind in chosen.kinds:
        _train(kind, chosen.devices, size)


def _devices() -> list[str]:
    return ["cpu", "cuda"] if cuda_is_usable() or torch.cuda.is_available() else ["cpu"]


_EVENTS = EncoderConfig(kind="events")
KINDS = {
    "convolution": PipelineConfig(encoder=EncoderConfig(kind="convolution")),
    "patches": PipelineConfig(encoder=EncoderConfig(kind="patches")),
    "unfrozen": PipelineConfig(encoder=EncoderConfig(kind="musicnn", freeze=False)),
    "events": PipelineConfig(encoder=_EVENTS, events=EventConfig(body="convolution")),
    "event-transformer": PipelineConfig(encoder=_EVENTS, events=EventConfig(body="transformer")),
}


def _networks(
    kinds: Sequence[str], size: Size
) -> Iterator[tuple[str, NDArray[np.float32], Callable[[InferenceConfig], Answer]]]:
    """Name, inputs, and what opens a network for a device."""
    rng = np.random.default_rng(0)
    files = ensure_musicnn(Events(stage=lambda _: None, progress=lambda *_: None, note=print))
    patches = rng.random((size.inputs, musicnn_front_end.PATCH_FRAMES, musicnn_front_end.N_MELS), np.float32)
    for body in BODIES:
        path = files.onnx(body)
        yield f"musicnn-{body}", patches, lambda config, path=path: OnnxBody(path, config).features
    with TemporaryDirectory() as folder:
        for kind in kinds:
            config = KINDS[kind]
            frames, channels = input_frames(config), feature_format(config).channels
            path = Path(folder) / f"{kind}.onnx"
            export_encoder(build_encoder(config, _start(config, size)), frames, channels, {}, path)
            inputs = np.stack([_rows(rng, config, frames) for _ in range(size.inputs)]).astype(np.float32)
            yield f"encoder, {kind}", inputs, lambda config, path=path: OnnxEncoder(path, config).embed


def _answer(
    name: str,
    inputs: NDArray[np.float32],
    opened: Callable[[InferenceConfig], Answer],
    devices: Sequence[str],
    size: Size,
) -> None:
    """All inputs on each device, by as many callers as a night has: one for each core, or one for a GPU."""
    reference, base = np.zeros(0), 0.0
    for device in devices:
        answer = opened(InferenceConfig.model_validate({"provider": device, "batch_size": size.inputs_a_call}))
        callers = (os.cpu_count() or 1) if device == "cpu" else 1
        parts = np.array_split(inputs, max(callers, len(inputs) // size.inputs_a_call))
        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(answer, parts[:callers]))
            started = time.perf_counter()
            found = np.concatenate(list(pool.map(answer, parts)))
            rate = len(inputs) / (time.perf_counter() - started)
        if device == devices[0]:
            reference, base = found, rate
        cosines = (found * reference).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(reference, axis=1)
        print(f"{name:26} {device:6} {rate:10.0f} {rate / base:11.2f} {cosines.min():9.6f}", flush=True)


def _train(kind: str, devices: Sequence[str], size: Size) -> None:
    config, base = KINDS[kind], 0.0
    start = _start(config, size)
    songs = _songs(config, size)
    for device in devices:
        recipe = TrainConfig.model_validate(
            {"steps": size.steps + _WARM_UP, "batch_size": size.batch, "validate_every": _WARM_UP, "device": device}
        )
        seen: list[dict[str, float]] = []
        train(songs, trainee_of(config, start), "wns", recipe, None, lambda *done, seen=seen: seen.append(done[2]))
        measured = [figures for figures in seen if "segments_per_s" in figures][1:]
        rate = float(np.median([figures["segments_per_s"] for figures in measured]))
        busy = float(np.median([figures["utilisation"] for figures in measured]))
        base = base or rate
        print(
            f"{kind:26} {device:6} {rate:10.0f} {rate / base:11.2f} {busy:9.2f} {measured[-1]['loss']:9.3f}", flush=True
        )


def _start(config: PipelineConfig, size: Size) -> Whitening | None:
    """The untrained start of drawn songs; null of an encoder from scratch."""
    if keeps_log_mels(config):
        return None
    rng, features_of = np.random.default_rng(1), body_features(config)
    means = np.stack([features_of(_rows(rng, config, size.rows)) for _ in range(32)])
    if hears_events(config):
        scales = event_statistics.within_song_scales(means.mean(axis=0, dtype=np.float64))
        weights = event_statistics.start_weights()
        return fit_own_scale(means.astype(np.float64), scales, weights, config.encoder.embedding_dim, 0)
    return fit_start(means, config.encoder.embedding_dim, 0, start_weights(config))


def _songs(config: PipelineConfig, size: Size) -> TrainingSongs:
    """Songs in pairs of neighbours, each by an artist of its own, with lyrics."""
    rng = np.random.default_rng(2)
    features = [_rows(rng, config, size.rows) for _ in range(size.songs)]
    pairs = np.arange(size.songs) ^ 1
    neighbours = csr_array((np.ones(size.songs), (np.arange(size.songs), pairs)), shape=(size.songs, size.songs))
    lyrics = rng.standard_normal((size.songs, _LYRIC_DIM)).astype(np.float32)
    lyrics /= np.linalg.norm(lyrics, axis=1, keepdims=True)
    return TrainingSongs(features, np.arange(size.songs), neighbours, lyrics)


def _rows(rng: np.random.Generator, config: PipelineConfig, rows: int) -> NDArray[np.float16]:
    """Features of a song, around a level of its own, that change slowly: in dB, or sound events."""
    if hears_events(config):
        return _events(rng, rows)
    level = rng.uniform(5, 40, feature_format(config).channels)
    walk = np.cumsum(rng.standard_normal((rows, len(level))), axis=0) / 4
    return np.clip(level + walk, 0, 80).astype(np.float16)


def _events(rng: np.random.Generator, count: int) -> NDArray[np.float16]:
    starts = np.cumsum(rng.uniform(0.15, 0.4, count + 1))
    loudest = rng.uniform(-30, 0, count)
    arrays = {
        "segments_timbre": rng.normal(rng.normal(0, 30, 12), 40, (count, 12)),
        "segments_pitches": rng.random((count, 12)),
        "segments_loudness_start": loudest - rng.uniform(3, 20, count),
        "segments_loudness_max": loudest,
        "segments_loudness_max_time": rng.uniform(0.01, 0.1, count),
        "segments_start": starts[:-1],
    }
    return event_rows(arrays, float(starts[-1]))


if __name__ == "__main__":
    main()
