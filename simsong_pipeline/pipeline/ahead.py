"""Embeds new recordings in the threads that decode them, so that no core waits for a later stage."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.preparation import PreparedAudio
from simsong_pipeline.audio.segments import even_segments, segment_frames
from simsong_pipeline.config import VARIANTS, PipelineConfig, Variant
from simsong_pipeline.errors import ModelError
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.pipeline.embedding_stage import load_encoder
from simsong_pipeline.pipeline.model_files import ModelFiles
from simsong_pipeline.pipeline.workspace import Workspace


@dataclass(frozen=True)
class _Listener:
    """A variant's session, the version of its model, and vectors [dim] by the hash of the audio."""

    encoder: OnnxEncoder
    model_version: str
    vectors: dict[str, NDArray[np.float32]]


class Ahead:
    """Audio vectors that are ready when the embedding stage begins; what is not here it computes itself.

    They are kept in memory alone: the features on disk are what a killed run goes on from.
    """

    def __init__(self, workspace: Workspace, config: PipelineConfig) -> None:
        self._listeners = {v: listener for v in VARIANTS if (listener := _listener(workspace, v, config))}
        self._length = segment_frames(config.segments, config.log_mel)
        self._segments = config.segments.inference_segments
        before = workspace.read_if_there("audio")
        # What was heard before has its vectors, as when only a file's date has changed.
        self._known = set() if before is None else set(before.filter(status="ok")["audio_sha256"].to_list())

    def hear(self, prepared: PreparedAudio) -> None:
        """Embed a recording that was just prepared; called from several threads."""
        audio = prepared.audio_sha256
        if prepared.features is None or audio is None or audio in self._known:
            return
        segments = even_segments(prepared.features, self._length, self._segments)
        for listener in self._listeners.values():
            listener.vectors[audio] = listener.encoder.embed_song(segments)

    def vectors(self, variant: Variant, model_version: str) -> Mapping[str, NDArray[np.float32]]:
        """Unit audio vectors [dim] of this model by the hash of the audio; none where it came after the decoding."""
        listener = self._listeners.get(variant)
        return listener.vectors if listener is not None and listener.model_version == model_version else {}


def _listener(workspace: Workspace, variant: Variant, config: PipelineConfig) -> _Listener | None:
    try:
        version = ModelFiles(workspace.model(variant)).export().model_version
        return _Listener(load_encoder(workspace, variant, config), version, {})
    except ModelError:
        # There is no usable model before the first training. Otherwise the stage that comes to it says what is wrong.
        return None
