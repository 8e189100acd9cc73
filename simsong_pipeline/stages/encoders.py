"""Each kind of encoder: how it is built, what it hears in training, and how it comes back from its file."""

from collections.abc import Callable, Sequence

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from simsong_pipeline.audio.feature_format import feature_format, hears_by_body, hears_events, trains_body
from simsong_pipeline.audio.segments import input_frames
from simsong_pipeline.config import AugmentConfig, PipelineConfig, TrainConfig
from simsong_pipeline.home.hearing import body_names, present_musicnn
from simsong_pipeline.home.model_cache import BodyName, MusicnnFiles
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.learning.augment_events import augment_events
from simsong_pipeline.learning.batches import Features, PatchViews, SegmentViews, Views
from simsong_pipeline.learning.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.learning.encoder.event_encoder import EventEncoder
from simsong_pipeline.learning.encoder.head import StartHead
from simsong_pipeline.learning.encoder.musicnn import Musicnn
from simsong_pipeline.learning.encoder.unfrozen import UnfrozenBodies
from simsong_pipeline.learning.training.loop import Trainee, pick_device
from simsong_pipeline.lyrics.whitening import Whitening


def build_encoder(config: PipelineConfig, start: Whitening | None) -> nn.Module:
    """A new encoder of the configured kind; a head begins as the start.

    Args:
        start: of a head on a body or of an encoder of events; null for the encoders of log-mels.

    Raises:
        ModelUnavailableError, ModelError: bodies that are to be trained are not there, or damaged.
    """
    if start is not None and trains_body(config):
        return UnfrozenBodies(_pretrained_bodies(config), start, config.encoder.dropout)
    if start is not None and hears_events(config):
        return EventEncoder(start, config.events, config.encoder.dropout)
    if start is not None:
        return StartHead(start, config.encoder.dropout)
    return AudioEncoder(config.encoder, config.log_mel.n_mels, input_frames(config))


def trainee_of(config: PipelineConfig, start: Whitening | None) -> Trainee:
    """What the training loop trains."""
    identity = [config.encoder.model_dump(), feature_format(config).version, input_frames(config)]
    if start is not None:
        identity.append([float(start.mean.sum()), float(abs(start.projection).sum())])
    if hears_events(config):
        identity.append(config.events.model_dump())

    dim = config.encoder.embedding_dim if start is None else start.projection.shape[1]
    return Trainee(lambda: build_encoder(config, start), _views_of(config), dim, identity, _pretrained_parameters)


def _views_of(config: PipelineConfig) -> Callable[[Sequence[Features], torch.device], Views]:
    length = input_frames(config)
    if hears_by_body(config):
        return PatchViews
    if not hears_events(config):
        return lambda features, device: SegmentViews(features, length, device)

    def changed(views: Tensor, generator: torch.Generator, _: AugmentConfig) -> Tensor:
        return augment_events(views, generator, config.events.augment)

    return lambda features, device: SegmentViews(features, length, device, changed)


def training_of(config: PipelineConfig, start: Whitening | None) -> TrainConfig:
    """How it is trained: a head on a body for fewer steps than an encoder of log-mels."""
    if hears_events(config):
        return config.train.model_copy(update={"steps": config.events.steps})
    return config.train if start is None else config.train.model_copy(update={"steps": config.train.head_steps})


def _pretrained_bodies(config: PipelineConfig) -> list[Musicnn]:
    files = present_musicnn()
    return [_pretrained(files, name) for name in body_names(config)]


def _pretrained(files: MusicnnFiles, name: BodyName) -> Musicnn:
    body = Musicnn()
    body.load_state_dict(load_file(files.weights(name)))
    return body


def _pretrained_parameters(encoder: nn.Module) -> list[nn.Parameter]:
    """Those that training is to change little."""
    return list(encoder.bodies.parameters()) if isinstance(encoder, UnfrozenBodies) else []


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
