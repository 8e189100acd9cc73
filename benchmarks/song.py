"""What a song costs on one core, from its file to the index: `python -m benchmarks.song --seconds 30 240`.

No home is needed: MP3s of partials and noise are written for it, the head is a start fitted on random features, and the
index is the embedded one. Each body runs under ONNX Runtime and under torch. Processor time is counted, all parts run
in turns, and the medians are printed, in milliseconds.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from benchmarks.index import AUDIO, LYRICS, drawn, point
from benchmarks.nights import write_song
from export.onnx_export import export_encoder
from simsong_pipeline.audio import musicnn_front_end
from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.description import describe
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import InferenceConfig, PipelineConfig, StoreConfig
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.model_cache import BodyName, MusicnnFiles, ensure_musicnn
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.learning.encoder.head import StartHead
from simsong_pipeline.learning.encoder.musicnn import Musicnn
from simsong_pipeline.learning.encoder.start import fit_start
from simsong_pipeline.listening import patch_starts
from simsong_pipeline.stores.opening import Store, open_store

Parts = dict[str, Callable[[], object]]
# Points that are written at once; their time is shared out.
_POINTS = 200


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[30.0, 240.0])
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    files = ensure_musicnn(Events(stage=print, progress=lambda *_: None, note=print))
    table: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, open_store(StoreConfig(), Path(folder) / "index") as store:
        for seconds in chosen.seconds:
            parts = _parts(Path(folder), seconds, files, store)
            for name, value in medians(parts, chosen.rounds).items():
                table.setdefault(name, []).append(value / (_POINTS if name == "index, a point" else 1))
    print(f"{'part':34}" + "".join(f"{f'{s:g} s':>10}" for s in chosen.seconds))
    for name, values in table.items():
        print(f"{name:34}" + "".join(f"{1000 * value:10.2f}" for value in values))


def medians(parts: Parts, rounds: int) -> dict[str, float]:
    """Processor seconds of each part; the first round only warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds + 1):
        for name, call in parts.items():
            started = time.process_time()
            call()
            seconds[name].append(time.process_time() - started)
    return {name: float(np.median(values[1:])) for name, values in seconds.items()}


def _parts(folder: Path, seconds: float, files: MusicnnFiles, store: Store) -> Parts:
    config = PipelineConfig()
    path = folder / f"{seconds:g}.mp3"
    write_song(path, np.random.default_rng(0), seconds)
    samples = decode(path, musicnn_front_end.SAMPLE_RATE, config.audio.max_seconds).samples
    starts = patch_starts(len(samples), config.body.patches)
    patches = musicnn_front_end.patches(samples, starts)
    parts: Parts = {
        "decode and resample": lambda: decode(path, musicnn_front_end.SAMPLE_RATE, config.audio.max_seconds),
        "loudness, tempo, timbre, print": lambda: describe(samples),
        "front end": lambda: musicnn_front_end.patches(samples, starts),
    }
    for model in config.body.models:
        parts |= _body(model, files, patches)
    return parts | _head(folder, config) | {"index, a point": _writing(store)}


def _body(model: str, files: MusicnnFiles, patches: NDArray[np.float32]) -> Parts:
    name = cast(BodyName, model.removeprefix("musicnn-"))
    network = Musicnn().eval()
    network.load_state_dict(load_file(files.weights(name)))
    session = OnnxBody(files.onnx(name), InferenceConfig(provider="cpu"))
    return {
        f"{model}, ONNX Runtime": lambda: session.features(patches),
        f"{model}, torch": _forward(network, patches),
    }


def _head(folder: Path, config: PipelineConfig) -> Parts:
    channels = MUSICNN_LAYOUT.width * len(config.body.models)
    features = np.random.default_rng(0).standard_normal((200, channels), np.float32)
    network = StartHead(fit_start(features, config.encoder.embedding_dim, 0), config.encoder.dropout).eval()
    path = folder / "head.onnx"
    if not path.is_file():
        export_encoder(network, 1, channels, {}, path)
    session = OnnxEncoder(path, InferenceConfig(provider="cpu"))
    song = features[:1, None]
    return {"head, ONNX Runtime": lambda: session.embed(song), "head, torch": _forward(network, song)}


def _forward(network: torch.nn.Module, inputs: NDArray[np.float32]) -> Callable[[], object]:
    def forward() -> torch.Tensor:
        with torch.inference_mode():
            answer: torch.Tensor = network(torch.from_numpy(inputs))
            return answer

    return forward


def _writing(store: Store) -> Callable[[], object]:
    """Writes the same points again and again, as a night does with songs that changed."""
    audio, lyrics = drawn(_POINTS, 0)
    points = [point(n, audio[n], lyrics[n]) for n in range(_POINTS)]
    store.ensure_collection("songs", AUDIO, LYRICS)
    return lambda: store.upsert("songs", points)


if __name__ == "__main__":
    main()
