"""What a song costs on the way to its vector: decoding, log-mel, encoder; torch eager and compiled beside ONNX Runtime.

Run from the repository after `simsong run`: `python benchmarks/embedding.py --home simsong-data`. All parts run on
the same songs in the same process, each on one core as in a night, in rounds, so that a slow moment of the machine hits
all of them; the medians are compared as ratios.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.audio.segments import even_segments, segment_frames
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.pipeline.model_files import ModelFiles
from simsong_pipeline.pipeline.workspace import Workspace


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("simsong-data"))
    parser.add_argument("--songs", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    workspace = Workspace(arguments.home)
    config = workspace.load_config()
    parts = _parts(workspace, config, arguments.songs)
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(arguments.rounds):
        for name, call in parts.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    base = medians["decode and resample"]
    print(f"{'part':24} {'ms a song':>10} {'of decoding':>12}")
    for name, value in medians.items():
        print(f"{name:24} {1000 * value / arguments.songs:10.2f} {value / base:12.2f}")
    for other in ("torch eager", "torch compiled"):
        print(f"ONNX Runtime against {other}: {medians['ONNX Runtime'] / medians[other]:.2f}")


def _parts(workspace: Workspace, config: PipelineConfig, count: int) -> dict[str, Callable[[], object]]:
    rows = workspace.read("audio").filter(status="ok").sort("track_id").head(count)
    paths = [Path(p) for p in rows["path"].to_list()]
    recordings = [decode(p, config.log_mel.sample_rate, config.audio.max_seconds).samples for p in paths]
    features = [log_mel(samples, config.log_mel) for samples in recordings]
    length = segment_frames(config.segments, config.log_mel)
    songs = [even_segments(f, length, config.segments.inference_segments) for f in features]
    files = ModelFiles(workspace.model(config.serve))
    encoder = AudioEncoder(config.encoder, config.log_mel.n_mels, length).eval()
    encoder.load_state_dict(load_file(files.encoder))
    session = OnnxEncoder(files.onnx, config.inference)

    compiled = torch.compile(encoder, dynamic=True)

    def forward(model: Callable[[torch.Tensor], object]) -> None:
        with torch.inference_mode():
            for song in songs:
                model(torch.from_numpy(song))

    forward(compiled)  # compiles, which takes half a minute and is none of a night's business
    return {
        "decode and resample": lambda: [decode(p, config.log_mel.sample_rate, config.audio.max_seconds) for p in paths],
        "log-mel": lambda: [log_mel(samples, config.log_mel) for samples in recordings],
        "torch eager": lambda: forward(encoder),
        "torch compiled": lambda: forward(compiled),
        "ONNX Runtime": lambda: [session.embed(song) for song in songs],
    }


if __name__ == "__main__":
    main()
