"""Embeds new recordings in the threads that decode them, so that no core waits for a later stage."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.preparation import PreparedAudio
from simsong_pipeline.audio.segments import song_inputs
from simsong_pipeline.config import VARIANTS, PipelineConfig, Variant
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.inference import OnnxEncoder


class Ahead:
    """Audio vectors that are ready when the embedding stage begins; what is not here it computes itself.

    They are kept in memory alone: the features on disk are what a killed run goes on from.

    Args:
        encoders: sessions over the present models; none for a run that trains anew.

    Raises:
        ModelError: a model's file is not the one that was exported.
    """

    def __init__(self, workspace: Workspace, config: PipelineConfig, encoders: Mapping[Variant, OnnxEncoder]) -> None:
        self._encoders = dict(encoders)
        exports = {v: ModelFiles(workspace.model(v)).export() for v in encoders}
        self._versions = {v: export.model_version for v, export in exports.items()}
        # Of variants whose encoder is one file the first one's vectors are the others'.
        first = {export.onnx_sha256: v for v, export in reversed(exports.items())}
        self._first = {v: first[export.onnx_sha256] for v, export in exports.items()}
        self._vectors: dict[Variant, dict[str, NDArray[np.float32]]] = {v: {} for v in encoders}
        self._config = config
        before = workspace.read_if_there("audio")
        # What was heard before has its vectors, as when only a file's date has changed.
        self._known = set() if before is None else set(before.filter(status="ok")["audio_sha256"].to_list())

    def hear(self, prepared: PreparedAudio) -> None:
        """Embed a recording that was just prepared; called from several threads."""
        audio = prepared.audio_sha256
        if prepared.features is None or audio is None or audio in self._known or not self._encoders:
            return
        segments = song_inputs(prepared.features, self._config)
        for variant, encoder in self._encoders.items():
            known = self._vectors[self._first[variant]].get(audio)
            self._vectors[variant][audio] = encoder.embed_song(segments) if known is None else known

    def vectors(self, variant: Variant, model_version: str) -> Mapping[str, NDArray[np.float32]]:
        """Unit audio vectors [dim] of this model by the hash of the audio; none where it came after the decoding."""
        return self._vectors[variant] if self._versions.get(variant) == model_version else {}

    def encoder(self, variant: Variant, model_version: str) -> OnnxEncoder | None:
        """The session over this model, where there is one."""
        return self._encoders.get(variant) if self._versions.get(variant) == model_version else None

    def rest(self) -> None:
        """Hear no more, and leave the encoders' memory to training."""
        self._encoders.clear()


def usable_encoders(workspace: Workspace, config: PipelineConfig) -> dict[Variant, OnnxEncoder]:
    """Sessions over the models that are there and fit the configured features."""
    encoders: dict[Variant, OnnxEncoder] = {}
    for variant in VARIANTS:
        try:
            ModelFiles(workspace.model(variant)).export()
            encoders[variant] = load_encoder(workspace, variant, config)
        except ModelError:
            # There is none before the first training. Otherwise the stage that comes to it says what is wrong.
            continue
    return encoders
