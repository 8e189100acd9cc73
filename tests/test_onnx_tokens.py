"""Text models by ONNX Runtime give what torch gives, in the same tokens; other kinds run by torch, or say so."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_lyric_models import SMALL, _tokenizer
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel, RobertaConfig, RobertaModel

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.errors import MissingExtraError, ModelError
from simsong_pipeline.lyrics.embedding import LyricEncoder
from simsong_pipeline.lyrics.onnx_tokens import OnnxTokens, read_onnx_tokens
from simsong_pipeline.lyrics.token_model import open_token_model
from simsong_pipeline.lyrics.torch_tokens import TorchTokens
from simsong_pipeline.model_places import installed_lyric_model

TEXTS = [
    "the lighthouse calls my name\nover the grey water",
    "Ça va, l'été ñandú ÅNGSTRÖM ﬁne İstanbul\u200b\u00a0x\u0301",
    "愛してる baby 사랑해 Привет 😀🎵 don't — stop… [CLS] <pad> \x00\x07 _under_score_",
    "a",
    "",
    "la " * 700 + "the end of a very long chorus",
]


@pytest.fixture(scope="module")
def packaged() -> Path:
    folder = installed_lyric_model()
    assert folder is not None
    return folder


def _both(folder: Path) -> tuple[OnnxTokens, TorchTokens]:
    found = read_onnx_tokens(folder)
    assert found is not None
    return found, TorchTokens(str(folder))


def _assert_equal(one: Any, other: Any, lengths: tuple[int, ...], tolerance: float) -> None:
    """Vectors of texts of these lengths in one batch, padding aside."""
    rng = np.random.default_rng(0)
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    ids = np.where(mask == 1, rng.integers(4, 17, mask.shape), one.padding)
    first, second = (model.hidden(ids, mask)[mask == 1] for model in (one, other))
    cosines = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    assert cosines.min() >= 0.9999
    np.testing.assert_allclose(first, second, atol=tolerance)
    assert (one.width, one.positions) == (other.width, other.positions)


def test_packaged_model_has_torchs_values(packaged: Path) -> None:
    _assert_equal(*_both(packaged), lengths=(192, 3, 40, 1), tolerance=1e-4)


def test_packaged_model_has_the_same_tokens(packaged: Path) -> None:
    own, other = _both(packaged)
    for text in TEXTS:
        for special in (False, True):
            assert own.ids(text, special) == other.ids(text, special)


def test_lyrics_have_the_vectors_that_they_had_under_torch(packaged: Path) -> None:
    own = LyricEncoder(LyricsConfig())
    other = LyricEncoder(LyricsConfig())
    other._model = TorchTokens(str(packaged))
    np.testing.assert_allclose(*(e.encode(TEXTS, lambda *_: None) for e in (own, other)), atol=1e-5)
    np.testing.assert_allclose(own.encode_question("the sea"), other.encode_question("the sea"), atol=1e-5)


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh"])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("stored", [torch.float32, torch.float16])
def test_any_model_of_these_kinds_has_torchs_values(
    tmp_path: Path, kind: str, activation: str, stored: torch.dtype
) -> None:
    torch.manual_seed(1)
    sides = {**SMALL, "vocab_size": 32, "max_position_embeddings": 40, "hidden_act": activation}
    model = {
        "bert": lambda: BertModel(BertConfig(pad_token_id=1, layer_norm_eps=1e-5, **sides)),
        "roberta": lambda: RobertaModel(RobertaConfig(pad_token_id=1, **sides)),
    }[kind]()
    model.to(stored).save_pretrained(tmp_path)
    _tokenizer("[CLS]", "[SEP]", "[PAD]").save_pretrained(tmp_path)
    _assert_equal(*_both(tmp_path), lengths=(38, 1, 7), tolerance=1e-4)


def _tiny(folder: Path, model: Any) -> Path:
    model.save_pretrained(folder)
    _tokenizer("[CLS]", "[SEP]", "[PAD]").save_pretrained(folder)
    return folder


def _bert(**changes: Any) -> BertModel:
    return BertModel(BertConfig(vocab_size=32, max_position_embeddings=64, pad_token_id=1, **SMALL, **changes))


def test_checkpoint_of_a_task_and_in_several_files_is_read(tmp_path: Path) -> None:
    folder = _tiny(tmp_path, _bert())
    before = read_onnx_tokens(folder)
    named = {f"bert.{name}": tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    (folder / "model.safetensors").unlink()
    names = sorted(named)
    for part in (0, 1):
        save_file({n: named[n] for n in names[part::2]}, folder / f"model-0000{part + 1}-of-00002.safetensors")
    index = {n: f"model-0000{k % 2 + 1}-of-00002.safetensors" for k, n in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(f'{{"weight_map": {index}}}'.replace("'", '"'))
    _assert_equal(before, read_onnx_tokens(folder), lengths=(9, 4), tolerance=0)


@pytest.mark.parametrize(
    "model",
    [
        lambda: DistilBertModel(DistilBertConfig(vocab_size=32, dim=16, n_layers=1, n_heads=2, hidden_dim=24)),
        lambda: _bert(hidden_act="relu"),
        lambda: _bert().to(torch.bfloat16),
    ],
    ids=["another kind", "another activation", "bfloat16"],
)
def test_other_models_run_by_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    folder = _tiny(tmp_path, model())
    assert isinstance(open_token_model("it", folder), TorchTokens)
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
    with pytest.raises(MissingExtraError, match=r"'it' .* runs by torch: pip install 'simsong\[train\]'"):
        open_token_model("it", folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_damaged_files_are_one_line(tmp_path: Path, name: str) -> None:
    folder = _tiny(tmp_path, _bert())
    (folder / name).write_bytes((folder / name).read_bytes()[:-20])
    with pytest.raises(ModelError, match="lyric model 'it' cannot be loaded") as caught:
        open_token_model("it", folder)
    assert "\n" not in str(caught.value)
