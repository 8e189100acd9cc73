"""A CLAP model of transformers (Wu et al., 2023, arXiv 2211.06687): its audio tower as a body, its text tower."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoFeatureExtractor, AutoTokenizer, ClapFeatureExtractor, ClapModel
from transformers.utils import logging as transformers_logging

from simsong_pipeline.audio.clap_front_end import PATCH_SECONDS, SAMPLE_RATE, ClapFrontEnd
from simsong_pipeline.errors import ModelError, first_line

# Tokens of a question; the text tower was trained with at most 77.
_MOST_TOKENS = 77


class ClapAudioTower(nn.Module):
    """patches [batch, frames, n_mels] of the front end → vectors [batch, d] of unit length.

    Of models with feature fusion the path for ten seconds or less, which has none: no patch is longer.
    """

    def __init__(self, model: ClapModel) -> None:
        super().__init__()
        encoder = model.audio_model.audio_encoder
        encoder.enable_fusion = encoder.patch_embed.enable_fusion = False
        self.body, self.projection = model.audio_model, model.audio_projection

    def forward(self, patches: Tensor) -> Tensor:
        """See the class."""
        pooled = self.body(input_features=patches.unsqueeze(1)).pooler_output
        return nn.functional.normalize(self.projection(pooled), dim=1)


@dataclass(frozen=True)
class ClapParts:
    """What a recording is heard by; `width` is the length of a vector."""

    tower: ClapAudioTower
    front_end: ClapFrontEnd
    width: int


def read_clap(name: str) -> ClapParts:
    """The audio side of a folder or hub model.

    Raises:
        ModelError: there is no CLAP model of this name, or one of other windows.
    """
    model = _model(name)
    try:
        extractor = AutoFeatureExtractor.from_pretrained(name)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ModelError(f"CLAP model {name!r} lacks preprocessor_config.json ({first_line(error)})") from error
    if not isinstance(extractor, ClapFeatureExtractor):
        raise ModelError(f"CLAP model {name!r} has a {type(extractor).__name__} in place of a ClapFeatureExtractor")
    if (extractor.sampling_rate, extractor.max_length_s) != (SAMPLE_RATE, PATCH_SECONDS):
        raise ModelError(
            f"CLAP model {name!r} hears {extractor.max_length_s} s of {extractor.sampling_rate} Hz, in place of "
            f"{PATCH_SECONDS} s of {SAMPLE_RATE} Hz: choose another"
        )
    front_end = ClapFrontEnd(
        n_fft=extractor.fft_window_size,
        hop=extractor.hop_length,
        n_mels=extractor.feature_size,
        f_min=float(extractor.frequency_min),
        f_max=float(extractor.frequency_max),
        slaney=extractor.truncation != "fusion",
    )
    return ClapParts(ClapAudioTower(model).eval(), front_end, int(model.config.projection_dim))


def text_vector(name: str, text: str) -> NDArray[np.float32]:
    """Unit vector [d] of what music is said to sound like, to be compared with vectors of audio.

    Raises:
        ModelError: there is no CLAP model of this name, or it lacks a tokenizer.
    """
    model = _model(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ModelError(f"CLAP model {name!r} lacks its tokenizer ({first_line(error)})") from error
    batch = tokenizer([text], truncation=True, max_length=_MOST_TOKENS, return_tensors="pt")
    with torch.inference_mode():
        features = model.get_text_features(batch["input_ids"], batch["attention_mask"]).pooler_output
    vector: NDArray[np.float32] = nn.functional.normalize(features, dim=1)[0].numpy()
    return vector


def _model(name: str) -> ClapModel:
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: ClapModel = ClapModel.from_pretrained(name, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"CLAP model {name!r} cannot be loaded: give a folder that holds one, or a hub name where the hub is "
            f"reachable ({first_line(error)})"
        ) from error
    model.train(mode=False)
    return model
