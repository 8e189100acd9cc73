"""Takes out of MusiCNN the filters that answer every input alike; what they give stays, as a constant.

Training has let most filters of the published networks vanish (weights near 1e-28), and others are rectified to zero
whatever they hear. Without them a network gives the same values in a fraction of the time.
"""

import copy
from typing import cast

import torch
from torch import Tensor, nn

from simsong_pipeline.audio.musicnn_front_end import LOUDEST
from simsong_pipeline.learning.encoder.musicnn import Filters, Middle, Musicnn

Bank = Filters | Middle
_HIDDEN = 1e4  # more than any channel between the layers comes to
_SAME = 1e-9


def without_constant_filters(body: Musicnn) -> Musicnn:
    """A copy that gives what `body` gives, for patches as the front end gives them: between 0 and `LOUDEST`."""
    slim = copy.deepcopy(body)
    with torch.no_grad():
        ends = slim.input(torch.tensor([[0.0], [LOUDEST]])).flatten().tolist()
        heard = (min(0.0, *ends), max(0.0, *ends))  # 0 is what the edges are padded with
        for banks, bounds in ((slim.timbral, heard), (slim.temporal, heard), (slim.middle, (-_HIDDEN, _HIDDEN))):
            for n, bank in enumerate(banks):
                banks[n] = _slim(cast(Bank, bank), bounds)
    return slim


def _slim(bank: Bank, bounds: tuple[float, float]) -> nn.Module:
    least, most = _answers(bank, bounds)
    varies = most - least > _SAME
    if varies.all() or not varies.any():
        return bank
    constants = bank.norm(least.float()[None])[0]
    return _Filled(_kept(bank, varies), varies, constants[~varies])


def _answers(bank: Bank, bounds: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """The least and the most that each filter can give once rectified, [width], for inputs within `bounds`."""
    sign = _sign(bank).double()
    weight = bank.conv.weight.double().flatten(1) * sign[:, None]
    bias = bank.conv.get_parameter("bias").double() * sign
    ends = weight[..., None] * torch.tensor(bounds, dtype=torch.float64)
    least, most = (bias + e.sum(dim=1) for e in (ends.amin(dim=2), ends.amax(dim=2)))
    return least.clamp(min=0), most.clamp(min=0)


def _sign(bank: Bank) -> Tensor:
    return bank.sign if isinstance(bank, Filters) else torch.ones(bank.conv.out_channels)


def _kept(bank: Bank, which: Tensor) -> Bank:
    """The bank with some of its filters."""
    kept = copy.deepcopy(bank)
    kept.conv.out_channels = int(which.sum())
    for module in (kept.conv, kept.norm):
        for name, value in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(value[which].clone()))
    if isinstance(kept, Filters):
        kept.sign = kept.sign[which].clone()
    return kept


class _Filled(nn.Module):
    """What a bank gives, [batch, width, frames], with the constants of the filters that it lacks in their places."""

    constants: Tensor
    order: Tensor

    def __init__(self, bank: Bank, varies: Tensor, constants: Tensor) -> None:
        super().__init__()
        self.bank = bank
        self.register_buffer("constants", constants.clone())
        there = torch.cat([varies.nonzero().flatten(), (~varies).nonzero().flatten()])
        self.register_buffer("order", torch.argsort(there))

    def forward(self, x: Tensor) -> Tensor:
        answers = self.bank(x)
        still = self.constants[None, :, None].expand(answers.shape[0], -1, answers.shape[2])
        return torch.cat([answers, still], dim=1).index_select(1, self.order)
