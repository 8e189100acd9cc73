"""What a song costs on the way to its vector: decoding, what is heard, the encoder; torch beside ONNX Runtime.

Run from the repository after `simsong run`: `python -m benchmarks.embedding --home simsong-data`. All parts run on the
same songs in the same process, each on one core as in a night, in rounds, so that a slow moment of the machine hits all
of them; the medians are compared as ratios. Of a home that hears by pretrained bodies, each body and the head have
their own lines; of one that hears by log-mels, the log-mel and the encoder have. Of a home that knows events' features
alone, reading them stands in for decoding, and `--provider cuda` runs its encoder on a GPU, torch beside it.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from simsong_pipeline.audio import musicnn_front_end
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.description import describe
from simsong_pipeline.audio.feature_format import hears_by_body, hears_events
from simsong_pipeline.audio.preparation import features_of
from simsong_pipeline.audio.segments import song_inputs
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.home.model_cache import BodyName, ensure_musicnn
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.song_features import SongFeatures
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.learning.encoder.musicnn import Musicnn
from simsong_pipeline.listening import patch_starts
from simsong_pipeline.stages.encoders import read_encoder

Calls = dict[str, Callable[[], object]]
_Song = NDArray[np.float32]
_BASE = "decode and resample"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("simsong-data"))
    parser.add_argument("--songs", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--provider", choices=["auto", "cpu", "cuda"], default="auto", help="of ONNX Runtime and, for cuda, of torch"
    )
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=True, help="with torch.compile as well"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    workspace = Workspace(arguments.home)
    config = workspace.load_config()
    inference = config.inference.model_copy(update={"provider": arguments.provider})
    config = config.model_copy(update={"inference": inference})
    parts = (_event_parts if hears_events(config) else _parts)(workspace, config, arguments.songs, arguments.compile)
    medians = _medians(parts, arguments.rounds)
    first = next(iter(parts))
    base = medians[first]
    print(f"{'part':32} {'ms a song':>10} {'of ' + first:>24}")
    for name, value in medians.items():
        print(f"{name:32} {1000 * value / arguments.songs:10.2f} {value / base:24.2f}")
    for name, value in medians.items():
        network, _, engine = name.rpartition(", ")
        if engine.startswith("torch"):
            print(f"{network}, ONNX Runtime against {engine}: {medians[f'{network}, ONNX Runtime'] / value:.2f}")


def _medians(parts: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, call in parts.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def _parts(workspace: Workspace, config: PipelineConfig, count: int, compiled: bool) -> Calls:
    rows = workspace.read("audio").filter(status="ok").sort("track_id").head(count)
    paths = [Path(p) for p in rows["path"].to_list()]
    listener = open_listener(config, Events(stage=print, progress=lambda *_: None, note=print))
    rate = listener.front_end.sample_rate
    recordings = [decode(p, rate, config.audio.max_seconds).samples for p in paths]
    parts: Calls = {
        _BASE: lambda: [decode(p, rate, config.audio.max_seconds) for p in paths],
        "loudness, tempo, timbre, print": lambda: [describe(samples) for samples in recordings],
    }
    features = SongFeatures(workspace, config)
    songs = [song_inputs(features[t], config) for t in rows["track_id"].to_list()]
    files = ModelFiles(workspace.model(config.serve))
    encoder = OnnxEncoder(files.onnx, config.inference).embed
    if hears_by_body(config):
        parts |= _bodies(recordings, config, compiled)
        return parts | _engines("head", songs, encoder, read_encoder(files), compiled)
    parts["log-mel"] = lambda: [features_of(samples, listener) for samples in recordings]
    return parts | _engines("encoder", songs, encoder, read_encoder(files), compiled)


def _event_parts(workspace: Workspace, config: PipelineConfig, count: int, compiled: bool) -> Calls:
    features = SongFeatures(workspace, config)
    ids = workspace.read("segment_features")["track_id"].sort().head(count).to_list()
    songs = [song_inputs(features[t], config) for t in ids]
    files = ModelFiles(workspace.model(config.serve))
    session = OnnxEncoder(files.onnx, config.inference)
    print(session.describe())
    parts: Calls = {"reading features": lambda: [song_inputs(features[t], config) for t in ids]}
    parts["encoder in batches"] = lambda: list(session.embed_songs(songs))
    return parts | _engines("encoder", songs, session.embed, read_encoder(files), compiled, session.provider)


def _bodies(recordings: Sequence[_Song], config: PipelineConfig, compiled: bool) -> Calls:
    """The front end, which all bodies share, and each body on its patches."""
    files = ensure_musicnn(Events(stage=print, progress=lambda *_: None, note=print))
    starts = [patch_starts(len(samples), config.body.patches) for samples in recordings]
    pairs = list(zip(recordings, starts, strict=True))
    patches = [musicnn_front_end.patches(samples, begin) for samples, begin in pairs]
    parts: Calls = {"patches": lambda: [musicnn_front_end.patches(samples, begin) for samples, begin in pairs]}
    for model in config.body.models:
        name = cast(BodyName, model.removeprefix("musicnn-"))
        body = Musicnn().eval()
        body.load_state_dict(load_file(files.weights(name)))
        parts |= _engines(model, patches, OnnxBody(files.onnx(name), config.inference).features, body, compiled)
    return parts


def _engines(
    name: str,
    songs: Sequence[_Song],
    onnx: Callable[[_Song], object],
    network: torch.nn.Module,
    compiled: bool,
    device: str = "cpu",
) -> Calls:
    """A network on the songs under ONNX Runtime and torch."""
    network = network.to(device)

    def forward(model: Callable[[torch.Tensor], torch.Tensor]) -> None:
        with torch.inference_mode():
            for song in songs:
                model(torch.from_numpy(song).to(device)).cpu()

    calls: Calls = {
        f"{name}, ONNX Runtime": lambda: [onnx(song) for song in songs],
        f"{name}, torch": lambda: forward(network),
    }
    if compiled:
        optimised = torch.compile(network, dynamic=True)
        forward(optimised)  # compiles, which takes half a minute and is none of a night's business
        calls[f"{name}, torch compiled"] = lambda: forward(optimised)
    return calls


if __name__ == "__main__":
    main()
