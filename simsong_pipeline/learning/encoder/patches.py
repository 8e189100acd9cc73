"""A transformer over patches of the spectrogram, most of which are left out in training."""

import torch
from torch import Tensor, nn

from simsong_pipeline.config import EncoderConfig


class PatchBody(nn.Module):
    """log_mel [batch, frames, n_mels] → hidden [batch, patches, width]; in training most patches are left out.

    Leaving patches out is both the augmentation and what makes a step cheap (Myna: Yonay et al., 2025,
    arXiv 2502.12511). Frames and bands beyond whole patches are cut off.
    """

    def __init__(self, config: EncoderConfig, n_mels: int, frames: int) -> None:
        super().__init__()
        self.width = config.widths[-1]
        self._patch = (min(config.patch_frames, frames), min(config.patch_mels, n_mels))
        self._grid = (frames // self._patch[0], n_mels // self._patch[1])
        self._masked_share = config.masked_share
        self.embed = nn.Linear(self._patch[0] * self._patch[1], self.width)
        self.register_buffer("position", _sines(self._grid, self.width), persistent=False)
        layer = nn.TransformerEncoderLayer(
            self.width, config.heads, 4 * self.width, config.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, nn.LayerNorm(self.width), enable_nested_tensor=False)

    def forward(self, scaled: Tensor) -> Tensor:
        """See the class."""
        (rows, columns), (height, width) = self._grid, self._patch
        whole = scaled[:, : rows * height, : columns * width]
        blocks = whole.reshape(-1, rows, height, columns, width).transpose(2, 3)
        patches = blocks.reshape(-1, rows * columns, height * width)
        tokens = self.embed(patches) + self.position
        if self.training and self._masked_share:
            tokens = _some(tokens, 1 - self._masked_share)
        hidden: Tensor = self.layers(tokens)
        return hidden


def _some(tokens: Tensor, share: float) -> Tensor:
    """A random `share` of each row's tokens [batch, tokens, width], other ones for each row."""
    batch, count, width = tokens.shape
    kept = torch.rand(batch, count, device=tokens.device).topk(max(1, round(share * count)), dim=1).indices
    return tokens.gather(1, kept[:, :, None].expand(-1, -1, width))


def _sines(grid: tuple[int, int], width: int) -> Tensor:
    """[rows * columns, width] fixed positions: half of the width for time, half for pitch (Vaswani et al., 2017)."""
    half = width // 2
    rates = 10_000 ** (-torch.arange(0, half, 2) / half)
    parts = []
    for size in grid:
        angle = torch.arange(size)[:, None] * rates[None]
        parts.append(torch.cat([angle.sin(), angle.cos()], dim=1)[:, :half])
    rows, columns = grid
    time, pitch = parts[0][:, None].expand(-1, columns, -1), parts[1][None].expand(rows, -1, -1)
    both = torch.cat([time, pitch], dim=2).flatten(0, 1)
    return nn.functional.pad(both, (0, width - both.shape[1]))
