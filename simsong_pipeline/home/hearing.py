"""Opens what recordings are heard by. No torch: a night with new songs does without."""

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.clap_model import clap_name
from simsong_pipeline.audio.event_statistics import span_statistics
from simsong_pipeline.audio.feature_format import feature_format, hears_events, keeps_log_mels, trains_body
from simsong_pipeline.audio.musicnn_front_end import DECIBELS
from simsong_pipeline.audio.preparation import Listener
from simsong_pipeline.audio.segments import song_inputs
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import EncoderConfig, PipelineConfig
from simsong_pipeline.errors import ModelUnavailableError, RawDataError
from simsong_pipeline.home.clap_cache import ensure_clap
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.model_cache import BodyName, MusicnnFiles, ensure_musicnn, find_musicnn
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.listening import BodyListener, ClapListener, FrameFrontEnd, FrontEndListener, LogMelFrontEnd
from simsong_pipeline.sources.source import Source


def open_listener(config: PipelineConfig, told: Events) -> Listener:
    """What the configured encoder is made for; the first recording fetches the bodies where they are missing.

    Then it raises ModelUnavailableError where they cannot be had, and ModelError where a file of theirs is damaged.
    """
    rows = feature_format(config)
    if hears_events(config):
        # Imported here because it loads h5py, which nobody else has a use for.
        from simsong_pipeline.sources.event_front_end import EventFrontEnd

        return FrontEndListener(EventFrontEnd(), rows)
    if trains_body(config):
        return FrontEndListener(FrameFrontEnd(), rows)
    if keeps_log_mels(config):
        return FrontEndListener(LogMelFrontEnd(config.log_mel), rows)
    if config.encoder.kind == "clap":
        name = clap_name(config.encoder)
        return ClapListener(lambda: OnnxBody(ensure_clap(name, told), config.inference), config.body.patches, rows)

    def bodies() -> list[OnnxBody]:
        files = ensure_musicnn(told)
        return [OnnxBody(files.onnx(name), config.inference) for name in body_names(config)]

    return BodyListener(bodies, config.body.patches, rows)


def body_features(config: PipelineConfig) -> Callable[[NDArray[np.float16]], NDArray[np.float32]]:
    """What the start is fitted on, [channels], of a song's features as they are kept.

    Raises:
        ModelUnavailableError, ModelError: bodies that are to be trained are not there, or damaged.
    """
    if hears_events(config):
        return lambda rows: span_statistics(song_inputs(rows, config)).mean(axis=0).astype(np.float32)
    if not trains_body(config):
        return lambda rows: cast(NDArray[np.float32], rows.mean(axis=0, dtype=np.float32))
    files = present_musicnn()
    bodies = [OnnxBody(files.onnx(name), config.inference) for name in body_names(config)]

    def heard(rows: NDArray[np.float16]) -> NDArray[np.float32]:
        patches = song_inputs(rows, config) / DECIBELS
        mean: NDArray[np.float32] = np.hstack([body.features(patches) for body in bodies]).mean(axis=0)
        return mean

    return heard


def body_names(config: PipelineConfig) -> list[BodyName]:
    """Of the configured bodies, as the cache calls them."""
    return [cast(BodyName, model.removeprefix("musicnn-")) for model in config.body.models]


def present_musicnn() -> MusicnnFiles:
    """MusiCNN out of the cache, for what comes after the decoding, which fetches it.

    Raises:
        ModelUnavailableError: it is not there any more.
    """
    files = find_musicnn()
    if files is None:
        raise ModelUnavailableError("MusiCNN is to be trained and is not there: run `simsong models fetch musicnn`")
    return files


def with_events_alone(
    workspace: Workspace, source: Source, config: PipelineConfig, told: Events, named: bool = False
) -> PipelineConfig:
    """The configuration, or that of an encoder of events where the raw data have no recordings and nobody chose one.

    Not for a home that has heard recordings: those are missing then, on a disk that is not mounted perhaps.

    Args:
        named: the encoder's kind was said for this run, and be it the default.

    Raises:
        RawDataError: one that hears recordings was named, and there are none.
    """
    kind = config.encoder.kind
    stays = kind == "events" or (not named and kind != EncoderConfig().kind)
    if stays or not source.has_events_alone or _has_heard(workspace, config):
        return config
    if named:
        raise RawDataError(
            f"there are no recordings, which the encoder {kind} hears: leave the encoder out or say --encoder events, "
            "and songs are heard by the Million Song Dataset's features; or put recordings into audio/"
        )
    told.note("there are no recordings: songs are heard by the Million Song Dataset's features (--encoder events)")
    return config.model_copy(update={"encoder": config.encoder.model_copy(update={"kind": "events"})})


def settle_encoder(workspace: Workspace, source: Source, config: PipelineConfig, told: Events) -> None:
    """Write down for the steps of a run which encoder they work for, where it is not the configured one."""
    available = with_available_encoder(workspace, with_events_alone(workspace, source, config, told), told)
    if available != config:
        workspace.save_config(available)


def with_available_encoder(workspace: Workspace, config: PipelineConfig, told: Events) -> PipelineConfig:
    """The configuration, or that of an encoder trained from scratch where the bodies cannot be had.

    Only for a home that has heard nothing by the bodies yet: elsewhere their absence is an error, for everything would
    be decoded and trained anew.

    Raises:
        ModelUnavailableError: the home's features are the bodies', and they cannot be had any more.
        ModelError: a file of theirs is damaged.
    """
    if keeps_log_mels(config) or hears_events(config):
        return config
    if config.encoder.kind == "clap":  # chosen by a person: nothing takes its place
        ensure_clap(clap_name(config.encoder), told)
        return config
    try:
        ensure_musicnn(told)
    except ModelUnavailableError as error:
        if _has_heard(workspace, config):
            raise
        told.note(f"{error}; an encoder is trained from scratch in its place")
        scratch = EncoderConfig(**{**config.encoder.model_dump(), "kind": "convolution"})
        return config.model_copy(update={"encoder": scratch})
    return config


def _has_heard(workspace: Workspace, config: PipelineConfig) -> bool:
    """Whether the home's songs are known as this configuration hears them."""
    known = workspace.read_if_there("segment_features")
    return known is not None and known.height > 0 and known["front_end"][0] == feature_format(config).version
