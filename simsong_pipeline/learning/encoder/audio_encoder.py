"""The audio encoder: a body that makes hidden vectors over time of a segment, a pooling, and a head."""

from torch import Tensor, nn

from simsong_pipeline.config import EncoderConfig
from simsong_pipeline.learning.encoder.convolution import ConvolutionBody
from simsong_pipeline.learning.encoder.patches import PatchBody
from simsong_pipeline.learning.encoder.pooling import POOLINGS
from simsong_pipeline.learning.encoder.pretrained import PretrainedBody

# Decibels to about unit scale.
_SCALE_DB = 15.0


class AudioEncoder(nn.Module):
    """features [batch, frames, n_mels], a log-mel in dB → embedding [batch, embedding_dim] of unit length.

    `n_mels` is fixed by construction; frames are free from 16 up for the convolutions and fixed for the others.
    """

    def __init__(self, config: EncoderConfig, n_mels: int, frames: int) -> None:
        super().__init__()
        self.body = _body(config, n_mels, frames)
        self.pooling = POOLINGS[config.pooling](self.body.width)
        self.head = nn.Sequential(
            nn.LayerNorm(self.pooling.width),
            nn.Dropout(config.dropout),
            nn.Linear(self.pooling.width, config.embedding_dim),
        )

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        level = features.mean(dim=(1, 2), keepdim=True)
        # Loudness of a release says nothing of its music: levels count relative to the segment's mean.
        hidden = self.body((features - level) / _SCALE_DB)
        return nn.functional.normalize(self.head(self.pooling(hidden)), dim=1)


def _body(config: EncoderConfig, n_mels: int, frames: int) -> ConvolutionBody | PatchBody | PretrainedBody:
    if config.kind == "convolution":
        return ConvolutionBody(config, n_mels)
    if config.kind == "patches":
        return PatchBody(config, n_mels, frames)
    return PretrainedBody(config, n_mels)
