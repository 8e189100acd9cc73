"""MusiCNN: values of the original under TensorFlow, the folded norms by a slow reference, and what its tags say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from musicnn_reference import MODELS, STARTS, VALUES, signal
from numpy.typing import NDArray
from safetensors.torch import load_file

from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT, MUSICNN_TAGS
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.musicnn_front_end import SAMPLE_RATE, even_starts, frame_count, patches
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.home.model_cache import MusicnnFiles
from simsong_pipeline.learning.encoder.musicnn import Musicnn, read_state

LAYERS = {
    "penultimate": MUSICNN_LAYOUT.penultimate,
    "mean_pool": MUSICNN_LAYOUT.mean_pool,
    "max_pool": MUSICNN_LAYOUT.max_pool,
    "tags": MUSICNN_LAYOUT.tags,
}
Tensors = dict[str, NDArray[np.float32]]


def test_layout_leaves_no_column_out() -> None:
    assert [(part.start, part.stop) for part in LAYERS.values()] == [(0, 200), (200, 953), (953, 1706), (1706, 1756)]
    assert MUSICNN_LAYOUT.width == 1756
    assert {name: len(set(tags)) for name, tags in MUSICNN_TAGS.items()} == {"msd": 50, "mtt": 50}


@pytest.fixture(scope="module", params=MODELS)
def named(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def by_torch(named: str, musicnn_files: MusicnnFiles) -> NDArray[np.float32]:
    body = Musicnn().eval()
    body.load_state_dict(load_file(musicnn_files.weights(named)))
    with torch.inference_mode():
        features: NDArray[np.float32] = body(torch.from_numpy(patches(signal(), STARTS))).numpy()
    return features


@pytest.mark.parametrize("layer", LAYERS)
def test_torch_gives_what_the_original_gives(
    named: str, by_torch: NDArray[np.float32], layer: str, musicnn_files: MusicnnFiles
) -> None:
    expected = np.load(VALUES)[f"{named}_{layer}"]
    if layer.endswith("pool"):
        state, part = load_file(musicnn_files.weights(named)), LAYERS[layer]
        inside = slice(part.start - 200, part.stop - 200)
        expected = expected * state["standard.scale"].numpy()[inside] + state["standard.shift"].numpy()[inside]
    # Of the largest value, because residual layers add up numbers of that size.
    np.testing.assert_allclose(by_torch[:, LAYERS[layer]], expected, rtol=2e-5, atol=1e-5 * np.abs(expected).max())


def test_onnx_gives_what_torch_gives(named: str, by_torch: NDArray[np.float32], musicnn_files: MusicnnFiles) -> None:
    session = OnnxBody(musicnn_files.onnx(named), InferenceConfig(provider="cpu", batch_size=2))
    assert (session.layout, session.tags) == (MUSICNN_LAYOUT, MUSICNN_TAGS[named])
    found = session.features(patches(signal(), STARTS))
    np.testing.assert_allclose(found, by_torch, rtol=2e-5, atol=2e-5)
    assert session.features(np.zeros((0, 187, 96), np.float32)).shape == (0, 1756)


def planted(seed: int) -> Tensors:
    """Tensors of the original's names and shapes with random values; norms of either sign."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"dense/kernel": (1506, 200), "dense_1/kernel": (200, 50)}
    kernels = [(7, 38, 1, 204), (7, 67, 1, 204), (128, 1, 1, 51), (64, 1, 1, 51), (32, 1, 1, 51)]
    kernels += [(7, 561, 1, 64), (7, 64, 1, 64), (7, 64, 1, 64)]
    shapes |= {f"conv2d{f'_{n}' if n else ''}/kernel": shape for n, shape in enumerate(kernels)}
    tensors = {name: rng.standard_normal(s) / np.sqrt(np.prod(s[:-1])) for name, s in shapes.items()}
    tensors |= {name.replace("kernel", "bias"): rng.standard_normal(s[-1]) / 4 for name, s in shapes.items()}
    for n, width in enumerate([1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200]):
        name = f"batch_normalization{f'_{n}' if n else ''}"
        tensors |= {f"{name}/{part}": rng.standard_normal(width) for part in ("gamma", "beta", "moving_mean")}
        tensors[f"{name}/moving_variance"] = rng.uniform(0, 2, width)  # small ones show the epsilon
    return {name: value.astype(np.float32) for name, value in tensors.items()}


def slow_musicnn(t: Tensors, patch: NDArray[np.float32]) -> NDArray[np.float64]:
    """The paper's order of layers by loops over frames and bands: each norm after its rectifier, then the maximum."""

    def norm(n: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
        name = f"batch_normalization{f'_{n}' if n else ''}"
        gamma, beta, mean, var = (t[f"{name}/{p}"] for p in ("gamma", "beta", "moving_mean", "moving_variance"))
        return (x - mean) / np.sqrt(var + np.float64(0.001)) * gamma + beta

    def conv(n: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """[frames, bands] → [frames, positions, filters], rectified; as many frames as before."""
        name = f"conv2d{f'_{n}' if n else ''}"
        kernel, bias = t[f"{name}/kernel"][:, :, 0].astype(np.float64), t[f"{name}/bias"]
        height, width = kernel.shape[:2]
        padded = np.pad(x, (((height - 1) // 2, height // 2), (0, 0)))
        result = np.empty((len(x), x.shape[1] - width + 1, kernel.shape[2]))
        for frame in range(len(x)):
            for band in range(result.shape[1]):
                part = padded[frame : frame + height, band : band + width]
                result[frame, band] = np.tensordot(part, kernel, 2) + bias
        return np.maximum(0, result)

    scaled = norm(0, patch.astype(np.float64)[..., None])[..., 0]
    front = np.concatenate([norm(n + 1, conv(n, scaled)).max(axis=1) for n in range(5)], axis=1)
    layers = [front, norm(6, conv(5, front))[:, 0]]
    for n in (6, 7):
        layers.append(layers[-1] + norm(n + 1, conv(n, layers[-1]))[:, 0])
    channels = np.concatenate(layers, axis=1)
    mean, peak = channels.mean(axis=0), channels.max(axis=0)
    pooled = norm(9, np.stack([peak, mean], axis=1).reshape(-1))
    hidden = norm(10, np.maximum(0, pooled @ t["dense/kernel"] + t["dense/bias"]))
    tags = 1 / (1 + np.exp(-(hidden @ t["dense_1/kernel"] + t["dense_1/bias"])))
    typical = [
        t[f"batch_normalization_9/{part}"].astype(np.float64).reshape(-1, 2)
        for part in ("moving_mean", "moving_variance")
    ]
    standard = [
        (values - typical[0][:, column]) / np.sqrt(typical[1][:, column] + 0.001)
        for values, column in ((mean, 1), (peak, 0))
    ]
    return np.concatenate([hidden, *standard, tags])


@pytest.mark.parametrize("seed", [0, 1])
def test_norms_are_folded_exactly(seed: int) -> None:
    tensors = planted(seed)
    body = Musicnn().eval()
    body.load_state_dict(read_state(tensors.__getitem__))
    patch = np.random.default_rng(seed).uniform(0, 4, (9, 96)).astype(np.float32)
    with torch.inference_mode():
        found = body(torch.from_numpy(patch[None])).numpy()[0]
    expected = slow_musicnn(tensors, patch)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.fixture(scope="module")
def tags_of(shared: Path, musicnn_files: MusicnnFiles) -> Callable[[str, int], dict[str, set[str]]]:
    """The `count` likeliest tags of a recording in three patches, by network."""
    sessions = {name: OnnxBody(musicnn_files.onnx(name), InferenceConfig(provider="cpu")) for name in MODELS}

    def tags(name: str, count: int) -> dict[str, set[str]]:
        path = next(shared.glob(f"open_music*/audio/{name}*"), None)
        if path is None:
            pytest.skip(f"no recording {name}")
        samples = decode(path, SAMPLE_RATE, 60).samples
        heard = patches(samples, even_starts(frame_count(len(samples)), 3))
        found = {}
        for network, session in sessions.items():
            mean = session.features(heard)[:, session.layout.tags].mean(axis=0)
            found[network] = {session.tags[n] for n in np.argsort(-mean)[:count]}
        return found

    return tags


@pytest.mark.parametrize(
    ("recording", "msd", "mtt"),
    [
        ("beat-feet-receptors-convulsions", {"electronic", "electro"}, {"techno", "electronic"}),
        ("openmusic-jalmaan-bumblebeat", {"electronic", "dance"}, {"techno", "fast"}),
        ("wesnoth-mattias-westlund-traveling-minstrels", {"instrumental"}, {"violin", "classical", "strings"}),
        ("wesnoth-aleksi-aubry-carlson-elf-land", {"ambient"}, {"choir", "choral"}),
        ("phonograph-1f616emo-1f616emo-plain", {"instrumental"}, {"piano", "classical"}),
        ("jamendolyrics-los-rombos-fantasma", {"female vocalists", "folk"}, {"female", "woman"}),
        ("librosa-hungarian-dance", {"instrumental"}, {"classical", "violin"}),
        ("librosa-karissa-hobbs", {"female vocalists"}, {"female", "woman"}),
    ],
)
def test_tags_say_what_one_hears(
    tags_of: Callable[[str, int], dict[str, set[str]]], recording: str, msd: set[str], mtt: set[str]
) -> None:
    found = tags_of(recording, 4)
    assert msd <= found["msd"]
    assert mtt <= found["mtt"]
