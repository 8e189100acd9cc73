"""Encoders: what each body promises, whatever its weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import ASTConfig, ASTModel, BertConfig, BertModel, WhisperConfig, WhisperModel

from export.onnx_export import export_encoder
from export.parity import check_parity, fixed_log_mels
from simsong_pipeline.config import EncoderConfig, InferenceConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.learning.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.learning.encoder.pooling import AttentionPooling, StatisticsPooling

MELS, FRAMES = 32, 40
CONVOLUTION = EncoderConfig(kind="convolution", stem_channels=2, widths=(8,), depths=(1,), embedding_dim=8)
PATCHES = EncoderConfig(kind="patches", widths=(16,), heads=2, layers=1, embedding_dim=8, patch_mels=8)


def _ast(folder: Path) -> str:
    """A tiny Audio Spectrogram Transformer with random weights, of the genuine classes."""
    config = ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_length=64,
        num_mel_bins=MELS,
        patch_size=8,
        frequency_stride=8,
        time_stride=8,
    )
    ASTModel(config).save_pretrained(folder)
    return str(folder)


def _whisper(folder: Path) -> str:
    config = WhisperConfig(
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_mel_bins=MELS,
        max_source_positions=32,
        vocab_size=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    WhisperModel(config).save_pretrained(folder)
    return str(folder)


def _pretrained(name: str | None, **settings: object) -> EncoderConfig:
    return EncoderConfig.model_validate({"kind": "pretrained", "pretrained": name, "embedding_dim": 8} | settings)


def _segments(n: int = 3) -> torch.Tensor:
    return 10 * torch.randn(n, FRAMES, MELS, generator=torch.Generator().manual_seed(0)) - 40


@pytest.mark.parametrize("config", [CONVOLUTION, PATCHES], ids=["convolution", "patches"])
@pytest.mark.parametrize("pooling", ["statistics", "mean", "attention"])
def test_vectors_are_of_unit_length_and_ignore_loudness(config: EncoderConfig, pooling: str) -> None:
    encoder = AudioEncoder(config.model_copy(update={"pooling": pooling}), MELS, FRAMES).eval()
    quiet, loud = encoder(_segments()), encoder(_segments() + 12)
    assert torch.allclose(quiet.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(quiet, loud, atol=1e-4)


def test_patches_are_left_out_in_training_only() -> None:
    encoder = AudioEncoder(PATCHES.model_copy(update={"dropout": 0.0}), MELS, FRAMES)
    torch.manual_seed(0)
    first, second = encoder.train()(_segments()), encoder(_segments())
    assert not torch.allclose(first, second)
    encoder.eval()
    assert torch.equal(encoder(_segments()), encoder(_segments()))


def test_masked_training_sees_the_wanted_share_of_patches() -> None:
    encoder = AudioEncoder(PATCHES.model_copy(update={"masked_share": 0.75}), MELS, FRAMES).train()
    # Four rows of ten frames and four of eight bands.
    assert encoder.body(_segments()).shape[1] == 4
    assert encoder.eval().body(_segments()).shape[1] == 16


def test_statistics_pooling_is_mean_and_deviation() -> None:
    hidden = torch.tensor([[[1.0], [3.0]]])
    assert StatisticsPooling(1)(hidden).tolist()[0] == pytest.approx([2.0, 1.0], abs=1e-4)


def test_attention_that_prefers_nothing_is_statistics_pooling() -> None:
    pooling, hidden = AttentionPooling(4), torch.randn(2, 5, 4)
    torch.nn.init.zeros_(pooling.score[2].weight)
    assert torch.allclose(pooling(hidden), StatisticsPooling(4)(hidden), atol=1e-5)


@pytest.mark.parametrize("make", [_ast, _whisper], ids=["ast", "whisper"])
def test_pretrained_encoder_trains_its_head_and_exports(tmp_path: Path, make) -> None:
    encoder = AudioEncoder(_pretrained(make(tmp_path)), MELS, FRAMES)
    assert [name for name, p in encoder.named_parameters() if p.requires_grad and name.startswith("body")] == []
    assert not encoder.train().body.model.training
    encoder(_segments()).sum().backward()
    assert encoder.head[2].weight.grad is not None
    export_encoder(encoder, FRAMES, MELS, {}, tmp_path / "encoder.onnx")
    session = OnnxEncoder(tmp_path / "encoder.onnx", InferenceConfig(provider="cpu"))
    catalogue = np.random.default_rng(0).normal(-40, 10, (30, FRAMES, MELS)).astype(np.float32)
    assert check_parity(encoder, session, fixed_log_mels(FRAMES, MELS), catalogue).holds


def test_unfrozen_pretrained_body_is_trained(tmp_path: Path) -> None:
    encoder = AudioEncoder(_pretrained(_ast(tmp_path), freeze=False), MELS, FRAMES)
    encoder(_segments()).sum().backward()
    assert all(p.grad is not None for p in encoder.body.model.parameters())


def test_pretrained_weights_are_those_of_the_folder(tmp_path: Path) -> None:
    name = _ast(tmp_path)
    body, stored = AudioEncoder(_pretrained(name), MELS, FRAMES).body.model, ASTModel.from_pretrained(name)
    assert all(torch.equal(a, b) for a, b in zip(body.parameters(), stored.parameters(), strict=True))


def test_pretrained_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no pretrained model '.*nothing'"):
        AudioEncoder(_pretrained(str(tmp_path / "nothing")), MELS, FRAMES)


def test_pretrained_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    config = BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=30)
    BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is a bert model"):
        AudioEncoder(_pretrained(str(tmp_path)), MELS, FRAMES)


def test_pretrained_model_says_which_features_it_wants(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"set log_mel\.n_mels to 32"):
        AudioEncoder(_pretrained(_ast(tmp_path)), 64, FRAMES)


def test_segment_longer_than_the_pretrained_window_is_refused(tmp_path: Path) -> None:
    encoder = AudioEncoder(_pretrained(_ast(tmp_path)), MELS, 65)
    with pytest.raises(ModelError, match=r"set segments\.seconds lower"):
        encoder(torch.zeros(1, 65, MELS))


def test_pretrained_kind_without_a_name_is_refused() -> None:
    with pytest.raises(ModelError, match=r"encoder\.pretrained"):
        AudioEncoder(_pretrained(None), MELS, FRAMES)
