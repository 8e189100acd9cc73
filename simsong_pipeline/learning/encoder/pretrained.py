"""A pretrained body from a folder or hub, through transformers."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils.hub import cached_file

from simsong_pipeline.config import EncoderConfig
from simsong_pipeline.errors import ModelError, first_line

# Model types whose input is a log-mel spectrogram, and whether it lies as [time, mels] or [mels, time].
_TIME_FIRST = {"audio-spectrogram-transformer": True, "whisper": False}
# Decibels to natural logarithm of power, in which these models' statistics are written.
_NATURAL_PER_DB = math.log(10) / 10
# The encoder hands over decibels relative to the segment's mean, over 15.
_DB_PER_UNIT = 15.0


class PretrainedBody(nn.Module):
    """scaled log-mel [batch, frames, n_mels] → hidden [batch, tokens, width] of a pretrained model.

    An Audio Spectrogram Transformer (Gong et al., 2021, arXiv 2104.01778) or a Whisper encoder (Radford et al.,
    2022, arXiv 2212.04356). A segment that is shorter than the model's window is repeated to fill it. Level is
    relative to the segment's mean in place of the model's, which loses loudness alone.

    Raises:
        ModelError: no such model, one of another kind, or one that wants other features than are configured.
    """

    def __init__(self, config: EncoderConfig, n_mels: int) -> None:
        super().__init__()
        name = config.pretrained
        if name is None:
            raise ModelError("encoder.kind is 'pretrained', so encoder.pretrained has to name a folder or hub model")
        described = _described(name)
        self._time_first = _TIME_FIRST[described.model_type]
        mels = int(described.num_mel_bins)
        if mels != n_mels:
            raise ModelError(f"{name} wants {mels} mel bands: set log_mel.n_mels to {mels} (it is {n_mels})")
        self._window = int(described.max_length) if self._time_first else 2 * int(described.max_source_positions)
        loaded = AutoModel.from_pretrained(name)
        self.model: nn.Module = loaded if self._time_first else loaded.get_encoder()
        self.width = int(described.hidden_size)
        self._scale = _DB_PER_UNIT * _NATURAL_PER_DB / (2 * _deviation(name))
        self._frozen = config.freeze
        for parameter in self.model.parameters():
            parameter.requires_grad_(not config.freeze)

    def train(self, mode: bool = True) -> "PretrainedBody":
        """A frozen body stays in evaluation mode: its dropout would only add noise."""
        super().train(mode and not self._frozen)
        return self

    def forward(self, scaled: Tensor) -> Tensor:
        """See the class."""
        frames = scaled.shape[1]
        if frames > self._window:
            raise ModelError(
                f"a segment has {frames} frames and the pretrained model's window {self._window}: "
                "set segments.seconds lower"
            )
        repeated = scaled.repeat(1, -(-self._window // frames), 1)[:, : self._window] * self._scale
        inputs = repeated if self._time_first else repeated.transpose(1, 2)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen):
            hidden: Tensor = self.model(inputs).last_hidden_state
        return hidden


def _described(name: str) -> Any:
    try:
        described = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ModelError(f"no pretrained model {name!r} in a folder or on the hub ({first_line(error)})") from error
    if described.model_type not in _TIME_FIRST:
        raise ModelError(
            f"{name} is a {described.model_type} model; a pretrained start needs one of {', '.join(_TIME_FIRST)}"
        )
    return described


def _deviation(name: str) -> float:
    """Deviation of the log-mels, in natural logarithm, that the model was pretrained with; AudioSet's by default."""
    path = cached_file(name, "preprocessor_config.json", _raise_exceptions_for_missing_entries=False)
    content = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return float(content.get("std", 4.5689974))
