"""CLAP as a body: front end and towers against transformers, ONNX against torch, without torch once it is made."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from clap_tiny import WIDTH, write_clap
from conftest import QUIET
from transformers import ClapFeatureExtractor, ClapModel

from simsong_pipeline.audio.clap_front_end import PATCH, SAMPLE_RATE, ClapFrontEnd, even_starts
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.preparation import AudioTask, features_of, prepare
from simsong_pipeline.config import EncoderConfig, LogMelConfig, PipelineConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.clap_cache import ensure_clap
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.learning.encoder.clap import read_clap, text_vector
from simsong_pipeline.listening import FrontEndListener, LogMelFrontEnd


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "fusion"])
def clap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ClapModel]:
    folder = tmp_path_factory.mktemp("clap") / "model"
    return folder, write_clap(folder, fusion=request.param)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of this file's own; each model is exported once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SIMSONG_MODELS", str(folder))
        yield folder


def _config(folder: Path, patches: int = 6) -> PipelineConfig:
    encoder = EncoderConfig(kind="clap", pretrained=str(folder), embedding_dim=8)
    return PipelineConfig.model_validate({"encoder": encoder, "body": {"patches": patches}})


def _noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    tone = np.sin(np.arange(round(seconds * SAMPLE_RATE)) * rng.uniform(0.01, 0.2))
    return (0.3 * tone + rng.normal(0, 0.05, len(tone))).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.7, 4.0, 10.0])
@pytest.mark.parametrize("truncation", ["rand_trunc", "fusion"])
def test_front_end_is_that_of_transformers(seconds: float, truncation: str) -> None:
    samples = _noise(seconds)
    extractor = ClapFeatureExtractor(truncation=truncation)
    expected = extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="np")["input_features"][0, 0]
    front_end = ClapFrontEnd(1024, 480, 64, 0.0, 14_000.0, slaney=truncation != "fusion")
    heard = front_end.patches(samples, 6)
    assert heard.shape == (1, 1001, 64)
    np.testing.assert_allclose(heard[0], expected, atol=2e-2)  # dB; float32 where the other has float64


def test_patches_are_the_middles_of_equal_parts() -> None:
    assert even_starts(PATCH - 1, 6) == [0]
    assert even_starts(4 * PATCH, 2) == [PATCH // 2, 5 * PATCH // 2]
    assert even_starts(3 * PATCH + 5, 6)[-1] <= 2 * PATCH + 5


def test_rows_are_the_models_own_vectors(clap: tuple[Path, ClapModel]) -> None:
    folder, _model = clap
    samples = _noise(24)
    heard = features_of(samples, open_listener(_config(folder), QUIET))
    extractor = ClapFeatureExtractor.from_pretrained(folder)
    starts = even_starts(len(samples), 6)
    assert heard.shape == (len(starts), WIDTH) == (2, WIDTH)
    for row, start in zip(heard, starts, strict=True):
        inputs = extractor(samples[start : start + PATCH], sampling_rate=SAMPLE_RATE, return_tensors="pt")
        with torch.inference_mode():
            whole = ClapModel.from_pretrained(folder).eval()
            expected = whole.get_audio_features(inputs["input_features"].float(), torch.zeros(1, 1)).pooler_output[0]
        np.testing.assert_allclose(row, expected.numpy(), atol=2e-3)  # kept as float16
    assert not np.allclose(
        heard[0], features_of(_noise(10, seed=5), open_listener(_config(folder), QUIET))[0], atol=0.01
    )


def test_text_is_the_models_own_vector(clap: tuple[Path, ClapModel]) -> None:
    folder, model = clap
    ids = torch.tensor([[0, 4, 5, 6, 7, 2]])
    with torch.inference_mode():
        expected = model.get_text_features(ids).pooler_output[0].numpy()
    np.testing.assert_allclose(text_vector(str(folder), "calm piano at night"), expected, atol=1e-5)
    assert text_vector(str(folder), "calm " * 200).shape == (WIDTH,)


def test_a_night_hears_without_torch_once_the_tower_is_made(clap: tuple[Path, ClapModel]) -> None:
    folder, _ = clap
    ensure_clap(str(folder), QUIET)
    code = f"""
import sys
import numpy as np
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.events import Events
from simsong_pipeline.audio.preparation import features_of
from simsong_pipeline.home.hearing import open_listener
config = PipelineConfig.model_validate({{"encoder": {{"kind": "clap", "pretrained": {str(folder)!r}}}}})
told = Events(stage=lambda _: None, progress=lambda *_: None, note=lambda _: None)
print(features_of(np.ones(48_000, np.float32), open_listener(config, told)).shape, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == f"(1, {WIDTH}) False"


def test_other_weights_make_other_rows(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_clap(folder)
    first = feature_format(_config(folder))
    assert (first.channels, first) == (WIDTH, feature_format(_config(folder)))
    assert feature_format(_config(folder, patches=3)) != first
    write_clap(folder, seed=1)
    assert feature_format(_config(folder)) != first


def test_description_is_of_16_khz_whatever_the_listener_wants(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, _noise(6), SAMPLE_RATE)
    task = AudioTask("T", str(path), path.stat().st_size, 0, None)
    described = []
    for rate in (16_000, SAMPLE_RATE):
        config = PipelineConfig(encoder=EncoderConfig(kind="convolution"), log_mel=LogMelConfig(sample_rate=rate))
        listener = FrontEndListener(LogMelFrontEnd(config.log_mel), feature_format(config))
        described.append(prepare(task, config.audio, listener).description)
    one, two = described
    assert one is not None
    assert two is not None
    assert two.loudness_db == pytest.approx(one.loudness_db, abs=0.1)
    np.testing.assert_allclose(one.timbre[:20], two.timbre[:20], atol=0.5)


def test_what_is_no_clap_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"encoder\.pretrained has to name"):
        feature_format(PipelineConfig(encoder=EncoderConfig(kind="clap")))
    with pytest.raises(ModelError, match="holds no CLAP model"):
        feature_format(_config(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    with pytest.raises(ModelError, match="is a whisper model"):
        feature_format(_config(tmp_path))
    with pytest.raises(ModelError, match="no-such/model"):
        read_clap("./no-such/model")
    folder = tmp_path / "other"
    write_clap(folder)
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({**settings, "sampling_rate": 44_100}))
    with pytest.raises(ModelError, match="10 s of 44100 Hz"):
        read_clap(str(folder))
