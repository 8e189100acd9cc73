"""What is trained: the audio encoder, a projection of the lyric vectors, and the scales between them.

Only the encoder and the projection outlive training: the projection is linear and without a bias, so it folds
into the whitening of the lyric vectors, and a song's two vectors are served as before.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simsong_pipeline.config import LossConfig

_EMPTY = -1


class SongModel(nn.Module):
    """The encoder with everything that the loss needs beside it.

    Attributes:
        encoder: log_mel [n, frames, n_mels] → [n, d].
        projection: lyric vectors [n, k] → [n, k]; begins as the identity.
        listener: audio vectors [n, d] → [n, k], for telling lyrics by the audio.
        queue, queue_songs: earlier views [q, d] and whose they are; -1 where the place is empty.
    """

    queue: Tensor
    queue_songs: Tensor

    def __init__(self, encoder: nn.Module, audio_dim: int, lyric_dim: int, config: LossConfig, queue: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = nn.Linear(lyric_dim, lyric_dim, bias=False)
        nn.init.eye_(self.projection.weight)
        self.listener = nn.Linear(audio_dim, lyric_dim)
        scale = torch.tensor(math.log(1 / config.temperature))
        self.log_scale = nn.Parameter(scale, requires_grad=config.learn_temperature)
        # Half the audio's scale: lyrics begin with a third of the say.
        self.log_lyric_scale = nn.Parameter(scale - math.log(2.0))
        self.register_buffer("queue", torch.zeros(queue, audio_dim))
        self.register_buffer("queue_songs", torch.full((queue,), _EMPTY, dtype=torch.long))

    @property
    def scale(self) -> Tensor:
        """1 / temperature, at most 100 (Radford et al., 2021, arXiv 2103.00020)."""
        return self.log_scale.clamp(max=math.log(100.0)).exp()

    @property
    def lyric_scale(self) -> Tensor:
        """What a cosine of lyrics adds to a logit."""
        return self.log_lyric_scale.clamp(max=math.log(100.0)).exp()

    def project(self, lyrics: Tensor) -> Tensor:
        """Unit vectors [n, k] of whitened lyrics [n, k]; zero rows, songs without lyrics, stay zero."""
        return nn.functional.normalize(self.projection(lyrics), dim=1)

    def audio_weight(self) -> float:
        """The audio's share of the say, as training left it."""
        return float(self.scale / (self.scale + self.lyric_scale))

    def lyric_matrix(self) -> NDArray[np.float32]:
        """[k, k] to multiply whitened lyric rows with from the right."""
        matrix: NDArray[np.float32] = self.projection.weight.detach().cpu().numpy().T.copy()
        return matrix

    def queued(self) -> tuple[Tensor, NDArray[np.int64]]:
        """The filled places: views [q', d] and their songs [q']."""
        filled = self.queue_songs != _EMPTY
        songs: NDArray[np.int64] = self.queue_songs[filled].cpu().numpy()
        return self.queue[filled], songs

    def remember(self, views: Tensor, songs: NDArray[np.int64]) -> None:
        """Put views [n, d] into the queue in place of the oldest (Wang et al., 2020, arXiv 1912.06798)."""
        size = len(self.queue)
        if size == 0:
            return
        views, songs = views.detach()[-size:], songs[-size:]
        self.queue = torch.cat([self.queue[len(views) :], views.to(self.queue)])
        self.queue_songs = torch.cat([self.queue_songs[len(views) :], torch.from_numpy(songs).to(self.queue_songs)])
