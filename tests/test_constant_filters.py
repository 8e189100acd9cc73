"""MusiCNN without the filters that answer all inputs alike, by planted ones and on the trained networks."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pytest
import torch
from musicnn_reference import MODELS
from safetensors.torch import load_file
from torch import nn

from export.body_export import hard_patches
from simsong_pipeline.home.model_cache import MusicnnFiles
from simsong_pipeline.learning.encoder.constant_filters import without_constant_filters
from simsong_pipeline.learning.encoder.musicnn import Musicnn

FRONT = 2 * 204 + 3 * 51


def banks(body: Musicnn) -> Iterator[nn.Module]:
    return chain(body.timbral, body.temporal, body.middle)


def filters(body: Musicnn) -> int:
    convolutions = (m for m in body.modules() if isinstance(m, nn.Conv1d | nn.Conv2d))
    return sum(c.out_channels for c in convolutions)


def answers(body: Musicnn, patches: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        features: torch.Tensor = body(patches)
        return features


@pytest.fixture
def planted() -> Musicnn:
    """Random, with norms of either sign; every filter can be heard."""
    torch.manual_seed(0)
    body = Musicnn().eval()
    with torch.no_grad():
        for bank in banks(body):
            nn.init.normal_(bank.norm.scale)
            nn.init.normal_(bank.norm.shift)
            bank.conv.weight *= 10
        for bank in chain(body.timbral, body.temporal):
            bank.sign.copy_(torch.where(bank.norm.scale < 0, -1.0, 1.0))
    return body


def noise() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).uniform(0, 7, (3, 187, 96)).astype(np.float32))


def test_filters_that_hear_something_stay(planted: Musicnn) -> None:
    assert filters(without_constant_filters(planted)) == FRONT + 3 * 64


@pytest.mark.parametrize("bias", [-0.5, 0.5])
def test_vanished_filters_go_and_their_constants_stay(planted: Musicnn, bias: float) -> None:
    with torch.no_grad():
        for bank in banks(planted):
            bank.conv.weight[::3] *= 1e-30
            bank.conv.bias[::3] = bias
    slim = without_constant_filters(planted)
    assert filters(slim) == sum(width - len(range(0, width, 3)) for width in [204] * 2 + [51] * 3 + [64] * 3)
    torch.testing.assert_close(answers(slim, noise()), answers(planted, noise()))


def test_filters_that_nothing_reaches_go(planted: Musicnn) -> None:
    with torch.no_grad():
        for bank in planted.timbral:
            bank.conv.bias[:7] = -1e6 * bank.sign[:7]
    slim = without_constant_filters(planted)
    assert filters(slim) == FRONT + 3 * 64 - 14
    torch.testing.assert_close(answers(slim, noise()), answers(planted, noise()))


def test_a_filter_that_only_the_loudest_reaches_stays(planted: Musicnn) -> None:
    with torch.no_grad():
        planted.timbral[0].conv.weight[0] = planted.timbral[0].sign[0] / (7 * 38)
        planted.timbral[0].conv.bias[0] = -7.9 * planted.timbral[0].sign[0]
    assert filters(without_constant_filters(planted)) == FRONT + 3 * 64


@pytest.mark.parametrize("named", MODELS)
def test_the_trained_networks_lose_filters_and_no_value(named: str, musicnn_files: MusicnnFiles) -> None:
    body = Musicnn().eval()
    body.load_state_dict(load_file(musicnn_files.weights(named)))
    slim = without_constant_filters(body)
    assert filters(slim) < 0.8 * filters(body)
    patches = torch.cat([noise(), torch.from_numpy(hard_patches())])
    torch.testing.assert_close(answers(slim, patches), answers(body, patches), rtol=1e-5, atol=1e-5)
