"""Each kind of encoder: how it is built, what it hears in training, and how it comes back from its file."""

from safetensors.torch import load_file
from torch import nn

from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.segments import input_frames
from simsong_pipeline.batches import PatchViews, SegmentViews
from simsong_pipeline.config import PipelineConfig, TrainConfig
from simsong_pipeline.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.encoder.head import StartHead
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.pipeline.model_files import ModelFiles
from simsong_pipeline.training.loop import Trainee, pick_device


def build_encoder(config: PipelineConfig, start: Whitening | None) -> nn.Module:
    """A new encoder of the configured kind; a head begins as the start.

    Args:
        start: of a head on a body; null for the encoders of log-mels.
    """
    if start is not None:
        return StartHead(start, config.encoder.dropout)
    return AudioEncoder(config.encoder, config.log_mel.n_mels, input_frames(config))


def trainee_of(config: PipelineConfig, start: Whitening | None) -> Trainee:
    """What the training loop trains."""
    identity = [config.encoder.model_dump(), feature_format(config).version, input_frames(config)]
    if start is not None:
        identity.append([float(start.mean.sum()), float(abs(start.projection).sum())])
        dim = start.projection.shape[1]
        return Trainee(lambda: build_encoder(config, start), PatchViews, dim, identity)
    return Trainee(
        lambda: build_encoder(config, None),
        lambda features, device: SegmentViews(features, input_frames(config), device),
        config.encoder.embedding_dim,
        identity,
    )


def training_of(config: PipelineConfig, start: Whitening | None) -> TrainConfig:
    """How it is trained: a head on a body for fewer steps than an encoder of log-mels."""
    return config.train if start is None else config.train.model_copy(update={"steps": config.train.head_steps})


def read_encoder(files: ModelFiles) -> nn.Module:
    """A model's encoder as it was saved, in evaluation mode, on the CPU.

    Raises:
        ModelError: there is no model.
    """
    encoder = build_encoder(files.config(), files.start()).eval()
    encoder.load_state_dict(load_file(files.encoder))
    return encoder


def on_training_device(encoder: nn.Module, config: PipelineConfig) -> nn.Module:
    """The encoder where training runs, ready to embed."""
    return encoder.eval().to(pick_device(config.train.device))
