"""MusiCNN without the filters that answer all inputs alike, by planted ones and on the trained networks."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from musicnn_reference import MODELS
from safetensors.torch import load_file
from torch import nn

from export.body_export import hard_patches
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.musicnn_front_end import LOUDEST, log_mel
from simsong_pipeline.audio.musicnn_front_end import patches as front_end_patches
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


@pytest.mark.parametrize("peak", [1.0, 2.0, 4.0, 1e4, 1e12])
def test_a_float_wav_beyond_full_scale_loses_no_value(planted: Musicnn, peak: float, tmp_path: Path) -> None:
    """Of the filters one is left out that values beyond what the front end gives would reach."""
    with torch.no_grad():
        planted.timbral[0].conv.weight[0] = planted.timbral[0].sign[0] / (7 * 38)
        planted.timbral[0].conv.bias[0] = -(LOUDEST + 0.1) * planted.timbral[0].sign[0]
    slim = without_constant_filters(planted)
    assert filters(slim) == FRONT + 3 * 64 - 1
    samples = np.random.default_rng(0).uniform(-1, 1, 16_000 * 4) * np.linspace(0, peak, 16_000 * 4)
    soundfile.write(tmp_path / "loud.wav", samples.astype(np.float32), 16_000, subtype="FLOAT")
    decoded = decode(tmp_path / "loud.wav", 16_000, 60).samples
    assert abs(decoded).max() > 0.9 * peak  # nothing on the way cuts or scales it
    patches = torch.from_numpy(front_end_patches(decoded, [0, 60]))
    torch.testing.assert_close(answers(slim, patches), answers(planted, patches))


def test_loudest_value_of_full_scale_is_within_what_filters_are_judged_by() -> None:
    """Tones of full scale at each bin; only what is louder than full scale is cut."""
    rate, frequencies = 16_000, np.arange(1, 257) * 31.25
    moments = np.arange(2_048)
    loudest = max(
        float(log_mel(np.cos(2 * np.pi * f / rate * moments).astype(np.float32))[2:-2].max()) for f in frequencies
    )
    assert 6.5 < loudest < 7.35
    assert log_mel(np.full(2_048, 1e4, np.float32)).max() <= LOUDEST
