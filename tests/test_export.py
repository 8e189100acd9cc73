"""ONNX export, parity and the ONNX Runtime session."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.onnx_export import INPUT, OUTPUT, export_encoder
from export.parity import check_parity, fixed_log_mels
from simsong_pipeline import inference
from simsong_pipeline.config import EncoderConfig, InferenceConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.learning.encoder.audio_encoder import AudioEncoder

FRAMES, MELS = 50, 16
CONFIG = EncoderConfig(kind="convolution", stem_channels=4, widths=(16, 24), depths=(2, 1), embedding_dim=12)


@pytest.fixture(scope="module")
def encoder() -> AudioEncoder:
    torch.manual_seed(0)
    return AudioEncoder(CONFIG, MELS, FRAMES).eval()


@pytest.fixture(scope="module")
def exported(encoder: AudioEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "encoder.onnx"
    export_encoder(encoder, FRAMES, MELS, {"variant": "ns", "segments": {"seconds": 5.0}}, path)
    return path


@pytest.fixture(scope="module")
def session(exported: Path) -> OnnxEncoder:
    return OnnxEncoder(exported, InferenceConfig(provider="cpu", batch_size=8))


def test_input_and_output_are_named_and_the_batch_is_free(exported: Path) -> None:
    graph = onnx.load(exported).graph
    assert ([i.name for i in graph.input], [o.name for o in graph.output]) == ([INPUT], [OUTPUT])
    batch, frames, mels = graph.input[0].type.tensor_type.shape.dim
    assert batch.dim_param
    assert (frames.dim_value, mels.dim_value) == (FRAMES, MELS)


def test_the_file_does_not_say_where_the_code_lies(exported: Path) -> None:
    held = exported.read_bytes()
    assert b".py" not in held
    assert b"site-packages" not in held


def test_metadata_comes_back(session: OnnxEncoder) -> None:
    assert session.metadata["variant"] == "ns"
    assert session.metadata["segments"] == {"seconds": 5.0}


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 33])
def test_onnx_and_torch_agree_for_every_batch_size(encoder: AudioEncoder, session: OnnxEncoder, size: int) -> None:
    batch = np.resize(fixed_log_mels(FRAMES, MELS), (size, FRAMES, MELS))
    with torch.inference_mode():
        expected = encoder(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(session.embed(batch), expected, atol=1e-5)


def test_parity_holds_for_the_exported_encoder(encoder: AudioEncoder, session: OnnxEncoder) -> None:
    catalogue = np.random.default_rng(0).uniform(-80, 0, (40, FRAMES, MELS)).astype(np.float32)
    parity = check_parity(encoder, session, fixed_log_mels(FRAMES, MELS), catalogue)
    assert parity.holds
    assert parity.min_cosine > 0.999999


def test_parity_fails_for_other_weights(session: OnnxEncoder) -> None:
    torch.manual_seed(1)
    catalogue = np.random.default_rng(0).uniform(-80, 0, (40, FRAMES, MELS)).astype(np.float32)
    assert not check_parity(AudioEncoder(CONFIG, MELS, FRAMES), session, fixed_log_mels(FRAMES, MELS), catalogue).holds


def test_song_vector_is_the_unit_mean_of_its_segments(session: OnnxEncoder) -> None:
    rng = np.random.default_rng(0)
    songs = [rng.uniform(-80, 0, (n, FRAMES, MELS)).astype(np.float32) for n in (1, 5, 9, 2)]
    for song, vector in zip(songs, session.embed_songs(songs), strict=True):
        mean = session.embed(song).mean(axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_many_songs_come_in_their_order_and_to_the_bit(session: OnnxEncoder) -> None:
    rng = np.random.default_rng(0)
    songs = [rng.uniform(-80, 0, (n % 9 + 1, FRAMES, MELS)).astype(np.float32) for n in range(40)]
    alone = [session.embed_song(song) for song in songs]
    np.testing.assert_array_equal(list(session.embed_songs(songs)), alone)


def test_no_songs_give_no_vectors(session: OnnxEncoder) -> None:
    assert list(session.embed_songs([])) == []
    assert session.embed(np.zeros((0, FRAMES, MELS), np.float32)).shape == (0, 12)


def test_session_says_which_provider_runs(session: OnnxEncoder) -> None:
    assert session.describe().endswith("on CPU")


@pytest.mark.skipif(inference.cuda_is_usable(), reason="this machine has a CUDA device")
def test_cuda_that_is_not_there_is_an_error_and_no_silent_cpu(exported: Path) -> None:
    with pytest.raises(ModelError, match="CUDA provider does not load"):
        OnnxEncoder(exported, InferenceConfig(provider="cuda"))


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no ONNX encoder at"):
        OnnxEncoder(tmp_path / "none.onnx", InferenceConfig())
    (tmp_path / "bad.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"bad\.onnx cannot be loaded"):
        OnnxEncoder(tmp_path / "bad.onnx", InferenceConfig())
