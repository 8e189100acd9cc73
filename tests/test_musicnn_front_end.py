"""MusiCNN's mel spectrogram: by its definition, against librosa's recorded values, and patch by patch."""

import subprocess
import sys

import numpy as np
import pytest
from musicnn_reference import FRAMES, VALUES, signal
from numpy.typing import NDArray

from simsong_pipeline.audio.musicnn_front_end import HOP, even_starts, frame_count, log_mel, patches


def slow_log_mel(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """By definition, frame by frame: a Fourier sum, bands by their corners one after the other."""
    padded = np.concatenate([samples[256:0:-1], samples, samples[-2:-258:-1]])
    n = np.arange(512)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / 512)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(257), n) / 512)
    step = np.log(6.4) / 27
    top = 15 + np.log(8000 / 1000) / step
    mels = np.arange(98) * top / 97
    corners = [m * 200 / 3 if m < 15 else 1000 * np.exp(step * (m - 15)) for m in mels]
    frames = []
    for begin in range(0, len(padded) - 511, 256):
        power = np.abs(fourier @ (window * padded[begin : begin + 512])) ** 2
        bands = []
        for low, peak, high in zip(corners, corners[1:], corners[2:], strict=False):
            total = 0.0
            for k, value in enumerate(power):
                hertz = k * 16_000 / 512
                height = (hertz - low) / (peak - low) if hertz < peak else (high - hertz) / (high - peak)
                total += max(0.0, height) * 2 / (high - low) * value
            bands.append(np.log10(1 + 10_000 * total))
        frames.append(bands)
    return np.array(frames)


def test_values_are_those_of_the_definition() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 2_000) * np.linspace(0, 1, 2_000) ** 4
    expected = slow_log_mel(samples)
    assert expected.shape == (frame_count(2_000), 96)
    np.testing.assert_allclose(log_mel(samples.astype(np.float32)), expected, atol=2e-5)


def test_values_are_librosas() -> None:
    expected = np.load(VALUES)["frames"]
    np.testing.assert_allclose(log_mel(signal())[list(FRAMES)], expected, atol=5e-5)


def test_silence_is_zero() -> None:
    assert not log_mel(np.zeros(16_000, np.float32)).any()


@pytest.mark.parametrize("length", [48_000, 96_000, 96_255, 100_001])
def test_patches_are_those_of_the_whole_recording_at_its_ends_too(length: int) -> None:
    samples = np.random.default_rng(1).standard_normal(length).astype(np.float32)
    whole = log_mel(samples)
    starts = [0, (len(whole) - 187) // 2, len(whole) - 187]
    expected = np.stack([whole[start : start + 187] for start in starts])
    np.testing.assert_allclose(patches(samples, starts), expected, atol=1e-6)


def test_no_other_frame_is_looked_at() -> None:
    samples = np.random.default_rng(2).standard_normal(200_000).astype(np.float32)
    start, end = 300 * HOP - 256, 486 * HOP + 256
    hidden = np.full_like(samples, np.nan)
    hidden[start:end] = samples[start:end]
    np.testing.assert_array_equal(patches(hidden, [300]), patches(samples, [300]))


@pytest.mark.parametrize("length", [257, 5_000, 40_000])
def test_a_short_recording_is_repeated(length: int) -> None:
    samples = np.random.default_rng(3).standard_normal(length).astype(np.float32)
    whole = log_mel(samples)
    found = patches(samples, [0, 0])
    assert found.shape == (2, 187, 96)
    for frame in range(187):
        np.testing.assert_array_equal(found[1, frame], whole[frame % len(whole)])


@pytest.mark.parametrize("start", [-1, 190])
def test_a_patch_outside_is_an_error(start: int) -> None:
    with pytest.raises(ValueError, match=f"from frame {start} on does not lie within 376"):
        patches(signal(), [start])


@pytest.mark.parametrize(
    ("frames", "count"), [(187, 1), (187, 3), (374, 2), (1_000, 3), (15_000, 8), (100, 3), (561, 8)]
)
def test_even_starts_cover_the_recording_side_by_side(frames: int, count: int) -> None:
    starts = np.array(even_starts(frames, count))
    assert len(starts) == max(1, min(count, frames // 187))
    assert starts.min() >= 0
    assert starts.max() <= max(0, frames - 187)
    assert (np.diff(starts) >= 187).all()
    # As far from the beginning as from the end, but for rounding.
    assert abs(starts[0] - (max(frames, 187) - 187 - starts[-1])) <= 1


def test_front_end_does_without_torch() -> None:
    code = "import sys; import simsong_pipeline.audio.musicnn_front_end; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
