"""MusiCNN, a tagger of three seconds of music, as a body whose layers are features.

Pons & Serra, 2019 (arXiv 1909.06654); the architecture is that of Pons et al., 2018 (arXiv 1711.02520). The trained
networks were written in TensorFlow; `read_state` takes their tensors.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT

TIMBRAL_BANDS = (38, 67)  # 0.4 and 0.7 of the 96
TEMPORAL_FRAMES = (128, 64, 32)
_TIMBRAL, _TEMPORAL, _MIDDLE = 204, 51, 64
_FRONT = 2 * _TIMBRAL + 3 * _TEMPORAL
_POOLED, _PENULTIMATE = MUSICNN_LAYOUT.pooled, MUSICNN_LAYOUT.last
_EPSILON = 0.001  # of the batch norms
Read = Callable[[str], NDArray[np.float32]]
Norm = tuple[NDArray[np.float64], NDArray[np.float64]]  # scale and shift


class Musicnn(nn.Module):
    """patches [batch, 187, 96] of the front end → features [batch, 1756], as `MUSICNN_LAYOUT` orders them.

    The batch norms are the constants that training left: what can be is
    written into the neighbouring weights, and the rest is a scale and a shift. Pooled channels leave standardised by
    the mean and the variance that they had in training, as the layer before the tags does by its own norm: so features
    of a single song can be compared with those of any other.
    """

    def __init__(self) -> None:
        super().__init__()
        self.input = _Affine(1)
        self.timbral = nn.ModuleList(Filters((7, bands), _TIMBRAL) for bands in TIMBRAL_BANDS)
        self.temporal = nn.ModuleList(Filters((frames, 1), _TEMPORAL) for frames in TEMPORAL_FRAMES)
        self.middle = nn.ModuleList(Middle(width) for width in (_FRONT, _MIDDLE, _MIDDLE))
        self.penultimate = nn.Linear(2 * _POOLED, _PENULTIMATE)
        self.norm = _Affine(_PENULTIMATE)
        self.standard = _Affine(2 * _POOLED)
        self.tags = nn.Linear(_PENULTIMATE, MUSICNN_LAYOUT.labels)

    def forward(self, patches: Tensor) -> Tensor:
        """See the class."""
        scaled = self.input(patches.unsqueeze(1))
        front = torch.cat([filters(scaled) for filters in (*self.timbral, *self.temporal)], dim=1)
        hidden = self.middle[0](front)
        layers = [front, hidden]
        for middle in self.middle[1:]:
            hidden = hidden + middle(hidden)
            layers.append(hidden)
        channels = torch.cat(layers, dim=1)
        mean, peak = channels.mean(dim=2), channels.amax(dim=2)
        penultimate = self.norm(torch.relu(self.penultimate(torch.cat([peak, mean], dim=1))))
        pooled = self.standard(torch.cat([mean, peak], dim=1))
        return torch.cat([penultimate, pooled, torch.sigmoid(self.tags(penultimate))], dim=1)


class _Affine(nn.Module):
    """A batch norm that has come to rest: a scale and a shift for each channel of the second dimension."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (x.ndim - 2)
        return x * self.scale.view(shape) + self.shift.view(shape)


class Filters(nn.Module):
    """scaled patches [batch, 1, frames, 96] → [batch, filters, frames]: the maximum over the bands of each filter.

    The original takes the rectified and normalised filters' maximum. A norm is monotonic, so the maximum comes first
    here; where its scale is negative the filter is stored negated (`sign`), because the least is wanted there.
    """

    sign: Tensor

    def __init__(self, size: tuple[int, int], width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, width, size)
        self.norm = _Affine(width)
        self.register_buffer("sign", torch.ones(width))
        # As TensorFlow's "same": of an odd number of frames to add, one more comes after than before.
        self._padding = (0, 0, (size[0] - 1) // 2, size[0] // 2)

    def forward(self, scaled: Tensor) -> Tensor:
        peak = self.conv(nn.functional.pad(scaled, self._padding)).amax(dim=3)
        rectified: Tensor = self.norm(torch.relu(peak * self.sign.view(-1, 1)))
        return rectified


class Middle(nn.Module):
    """[batch, width, frames] → [batch, 64, frames]: seven frames of all channels, rectified, then normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, _MIDDLE, 7, padding=3)
        self.norm = _Affine(_MIDDLE)

    def forward(self, x: Tensor) -> Tensor:
        normalised: Tensor = self.norm(torch.relu(self.conv(x)))
        return normalised


def read_state(read: Read) -> dict[str, Tensor]:
    """The state of a `Musicnn` from the tensors of the original, by their TensorFlow names."""
    state = _affine_state("input", _norm(read, 0))
    for n in range(5):
        prefix = f"timbral.{n}" if n < 2 else f"temporal.{n - 2}"
        state |= _filters_state(prefix, *_conv(read, n), _norm(read, n + 1))
    for n in range(3):
        kernel, bias = _conv(read, n + 5)
        state |= {f"middle.{n}.conv.weight": kernel[:, 0].swapaxes(1, 2), f"middle.{n}.conv.bias": bias}
        state |= _affine_state(f"middle.{n}.norm", _norm(read, n + 6))
    # Its input is the maximum and the mean of each channel by turns; here all maxima come first.
    (scale, shift), kernel, bias = _norm(read, 9), read("dense/kernel").astype(np.float64), read("dense/bias")
    weight = (kernel * scale[:, None]).reshape(_POOLED, 2, _PENULTIMATE).transpose(2, 1, 0)
    state |= {"penultimate.weight": weight.reshape(_PENULTIMATE, -1), "penultimate.bias": bias + shift @ kernel}
    state |= _affine_state("norm", _norm(read, 10))
    state |= _affine_state("standard", _standard(read, 9))
    state |= {"tags.weight": read("dense_1/kernel").T, "tags.bias": read("dense_1/bias")}
    return {name: torch.from_numpy(np.ascontiguousarray(value, np.float32)) for name, value in state.items()}


def _norm(read: Read, number: int) -> Norm:
    """Scale and shift of a batch norm."""
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    parts = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (read(f"{name}/{part}").astype(np.float64) for part in parts)
    scale = gamma / np.sqrt(variance + _EPSILON)
    return scale, beta - mean * scale


def _standard(read: Read, number: int) -> Norm:
    """Scale and shift to the mean 0 and the variance 1 that a batch norm's input had; means first, then maxima."""
    mean, variance = (
        read(f"batch_normalization_{number}/{part}").astype(np.float64).reshape(_POOLED, 2)[:, ::-1].T.reshape(-1)
        for part in ("moving_mean", "moving_variance")
    )
    scale = 1 / np.sqrt(variance + _EPSILON)
    return scale, -mean * scale


def _conv(read: Read, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel [out, in, height, width] and bias [out]; TensorFlow's lies as [height, width, in, out]."""
    name = f"conv2d_{number}" if number else "conv2d"
    return read(f"{name}/kernel").transpose(3, 2, 0, 1), read(f"{name}/bias")


def _affine_state(prefix: str, norm: Norm) -> dict[str, NDArray[np.floating]]:
    return {f"{prefix}.scale": norm[0], f"{prefix}.shift": norm[1]}


def _filters_state(
    prefix: str,
    kernel: NDArray[np.float32],
    bias: NDArray[np.float32],
    norm: Norm,
) -> dict[str, NDArray[np.floating]]:
    sign = np.where(norm[0] < 0, np.float32(-1), np.float32(1))
    negated = {f"{prefix}.conv.weight": kernel * sign[:, None, None, None], f"{prefix}.conv.bias": bias * sign}
    return negated | {f"{prefix}.sign": sign} | _affine_state(f"{prefix}.norm", norm)
