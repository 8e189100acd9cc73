"""What the rows of features are that are kept of each song: frames of a log-mel, or what a pretrained body hears."""

from dataclasses import dataclass

from simsong_pipeline.audio import event_layout, musicnn_front_end
from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT
from simsong_pipeline.audio.clap_model import clap_name, clap_version, clap_width
from simsong_pipeline.audio.log_mel import front_end_version
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.files import sha256_of

# What a body's rows are: its weights, its outputs and their scale. Another one makes every row obsolete.
_BODY_REVISION = "musicnn-0.1.0-standardised-1"


@dataclass(frozen=True)
class FeatureFormat:
    """Hash of everything that decides the rows, and their width."""

    version: str
    channels: int


def feature_format(config: PipelineConfig) -> FeatureFormat:
    """The rows that the configured encoder is made for.

    Raises:
        ModelError: the encoder is to be a CLAP model and none is named, or the folder holds none.
    """
    if keeps_log_mels(config):
        return FeatureFormat(front_end_version(config.log_mel), config.log_mel.n_mels)
    if hears_events(config):
        return FeatureFormat(sha256_of("events", event_layout.REVISION)[:16], event_layout.CHANNELS)
    if config.encoder.kind == "clap":
        name = clap_name(config.encoder)
        return FeatureFormat(sha256_of("clap", clap_version(name), config.body.patches)[:16], clap_width(name))
    if trains_body(config):
        # Which bodies, and how many patches, decide nothing of the frames, but all of what is made of them.
        version = sha256_of("body's frames", config.body.model_dump(), musicnn_front_end.VERSION)[:16]
        return FeatureFormat(version, musicnn_front_end.N_MELS)
    version = sha256_of("body", config.body.model_dump(), musicnn_front_end.VERSION, _BODY_REVISION)[:16]
    return FeatureFormat(version, MUSICNN_LAYOUT.width * len(config.body.models))


def keeps_log_mels(config: PipelineConfig) -> bool:
    """Whether songs are kept as a log-mel's frames: their encoder neither hears by a body nor trains one."""
    return not hears_by_body(config) and not trains_body(config) and not hears_events(config)


def keeps_frames(config: PipelineConfig) -> bool:
    """Whether songs are kept as frames, a megabyte each, which are let go of where training does not draw from them."""
    return keeps_log_mels(config) or trains_body(config)


def hears_events(config: PipelineConfig) -> bool:
    """Whether songs are known by their events' features, and no recording is decoded."""
    return config.encoder.kind == "events"


def hears_by_body(config: PipelineConfig) -> bool:
    """Whether songs are kept as a body's rows, one a patch, in place of a log-mel's frames."""
    return config.encoder.kind in ("musicnn", "clap") and config.encoder.freeze


def trains_body(config: PipelineConfig) -> bool:
    """Whether training changes the body itself, so that songs are kept as the frames of its front end."""
    return config.encoder.kind == "musicnn" and not config.encoder.freeze
