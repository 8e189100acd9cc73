"""An encoder trained from scratch on the sample catalogue, asked about real music that it never heard."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save

from benchmarks.quality.datasets import named
from benchmarks.real_music.hearing import Heard
from benchmarks.real_music.material import cosines
from simsong_pipeline.audio.description import FRONT_END
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.files import write_bytes
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.learning.training.loop import train
from simsong_pipeline.stages.encoders import build_encoder, on_training_device, trainee_of
from simsong_pipeline.stages.training_stage import recipe_of
from simsong_pipeline.stages.validation import Validator, embed_songs


def scratch_scores(
    heard: Sequence[Heard], folder: Path, dataset: str, base: PipelineConfig, seed: int, events: Events
) -> NDArray[np.float32]:
    """[n, n] by the NS encoder of log-mels; trained once, which takes minutes, and kept in the folder.

    Args:
        dataset: the sample catalogue to train on (`benchmarks.quality.datasets.SAMPLES`).
    """
    changes = {
        "encoder.kind": "convolution",
        "train.seed": seed,
        "splits.seed": seed,
        "log_mel": FRONT_END.model_dump(),
    }
    config = read_config(None, base, changes)
    path = folder / f"scratch-{dataset}-{seed}-{recipe_of('ns', config)}.safetensors"
    if not path.is_file():
        write_bytes(path, save(_trained(path.with_suffix(".checkpoint"), folder, dataset, config, events)))
    encoder = build_encoder(config, None)
    encoder.load_state_dict(load_file(path))
    rows = {str(n): h.log_mel for n, h in enumerate(heard)}
    return cosines(embed_songs(on_training_device(encoder, config), rows, list(rows), config))


def _trained(
    checkpoint: Path, folder: Path, dataset: str, config: PipelineConfig, events: Events
) -> dict[str, torch.Tensor]:
    events.stage(f"training from scratch on {dataset}, seed {config.train.seed}")
    parts = named(dataset).prepare(folder / "homes", config.train.seed, config, events).parts
    validator = Validator(parts, config)
    validate = validator.recall if validator.task is not None else None
    songs, trainee = parts.training_songs(), trainee_of(config, None)
    trained = train(songs, trainee, "ns", config.train, validate, events.training_progress, checkpoint)
    checkpoint.unlink(missing_ok=True)
    return trained.weights
