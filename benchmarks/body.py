"""What a patch of three seconds costs: the front end, then MusiCNN under ONNX Runtime beside torch, by patches a call.

Run from the repository: `python -m benchmarks.body`. All parts run on one core in turns, so that a slow moment of the
machine hits all of them, and processor time is counted, so that other work does not.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from safetensors.torch import load_file

from simsong_pipeline.audio.musicnn_front_end import HOP, PATCH_FRAMES, SAMPLE_RATE, patches
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.model_cache import BODIES, ensure_musicnn
from simsong_pipeline.learning.encoder.musicnn import Musicnn


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--body", choices=list(BODIES), default="msd")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 3, 8], help="patches a call")
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(f"{'part':16} {'patches':>8} {'ms a patch':>12}")
    for count in chosen.batches:
        for name, seconds in _measure(_parts(chosen.body, count), chosen.rounds).items():
            print(f"{name:16} {count:8} {1000 * seconds / count:12.2f}")


def _parts(body: str, count: int) -> dict[str, Callable[[], object]]:
    files = ensure_musicnn(Events(stage=lambda _: None, progress=lambda *_: None, note=print))
    session = OnnxBody(files.onnx(body), InferenceConfig(provider="cpu", batch_size=count))
    model = Musicnn().eval()
    model.load_state_dict(load_file(files.weights(body)))
    samples = np.random.default_rng(0).standard_normal(SAMPLE_RATE + count * PATCH_FRAMES * HOP).astype(np.float32)
    starts = [n * PATCH_FRAMES for n in range(count)]
    heard = patches(samples, starts)

    def forward() -> torch.Tensor:
        with torch.inference_mode():
            return model(torch.from_numpy(heard))

    return {
        "front end": lambda: patches(samples, starts),
        "ONNX Runtime": lambda: session.features(heard),
        "torch": forward,
    }


def _measure(parts: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median processor time of each part, in seconds; the first round only warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds + 1):
        for name, call in parts.items():
            started = time.thread_time()
            call()
            seconds[name].append(time.thread_time() - started)
    return {name: float(np.median(values[1:])) for name, values in seconds.items()}


if __name__ == "__main__":
    main()
