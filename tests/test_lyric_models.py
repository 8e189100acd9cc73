"""Lyric models by setting: pooling, prompts and special tokens as the model's own files have them, on tiny networks."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.lyrics.embedding import LyricEncoder
from simsong_pipeline.lyrics.model_version import model_version

WORDS = ["a", "query", "passage", ":", "das", "Meer", "la", "mer", "the", "sea", "snow", "road", "light"]
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


def _tokenizer(start: str, end: str, pad: str) -> PreTrainedTokenizerFast:
    names = [start, pad, end, "[UNK]", *WORDS]
    ids = {word: n for n, word in enumerate(names)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(f"{start} $A {end}", None, [(start, 0), (end, 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token=start, sep_token=end, pad_token=pad, unk_token="[UNK]"
    )


@dataclass
class Folder:
    """A model in a folder, and the network for comparison."""

    path: Path
    model: Any
    tokenizer: PreTrainedTokenizerFast

    def says(self, name: str, content: object) -> None:
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))

    def hidden(self, text: str) -> torch.Tensor:
        with torch.inference_mode():
            states: torch.Tensor = self.model(**self.tokenizer([text], return_tensors="pt")).last_hidden_state[0]
        return states


def _bert() -> tuple[Any, PreTrainedTokenizerFast]:
    config = BertConfig(vocab_size=32, max_position_embeddings=64, pad_token_id=1, **SMALL)
    return BertModel(config), _tokenizer("[CLS]", "[SEP]", "[PAD]")


def _roberta() -> tuple[Any, PreTrainedTokenizerFast]:
    config = XLMRobertaConfig(vocab_size=32, max_position_embeddings=34, pad_token_id=1, **SMALL)
    return XLMRobertaModel(config), _tokenizer("<s>", "</s>", "<pad>")


@pytest.fixture(params=[_bert, _roberta], ids=["bert", "xlm-roberta"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    torch.manual_seed(0)
    model, tokenizer = request.param()
    path = tmp_path / "model"
    model.eval().save_pretrained(path)
    tokenizer.save_pretrained(path)
    return Folder(path, model, tokenizer)


def _encoder(folder: Folder, **settings: int) -> LyricEncoder:
    return LyricEncoder(LyricsConfig(model=str(folder.path), **settings))


def _unit(vector: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(vector, dim=0).numpy()


POOLINGS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mean": lambda hidden: hidden.mean(dim=0),
    "cls": lambda hidden: hidden[0],
    "lasttoken": lambda hidden: hidden[-1],
}
OLD = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token", "lasttoken": "pooling_mode_lasttoken"}


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_is_that_of_the_models_file(folder: Folder, pooling: str, old: bool) -> None:
    others = dict.fromkeys(OLD.values(), False)
    folder.says("1_Pooling/config.json", {**others, OLD[pooling]: True} if old else {"pooling_mode": pooling})
    # Two lengths in a batch: the padding must not be what is pooled.
    texts = ["das Meer la mer", "snow"]
    expected = np.stack([_unit(POOLINGS[pooling](folder.hidden(t))) for t in texts])
    np.testing.assert_allclose(_encoder(folder).encode(texts, lambda *_: None), expected, atol=1e-5)


def test_pooling_lies_where_the_list_of_modules_says(folder: Folder) -> None:
    kinds = [("Transformer", ""), ("Pooling", "second"), ("Normalize", "third")]
    folder.says("modules.json", [{"type": f"sentence_transformers.models.{k}", "path": p} for k, p in kinds])
    folder.says("second/config.json", {"pooling_mode": "cls"})
    vector = _encoder(folder).encode(["the sea"], lambda *_: None)[0]
    np.testing.assert_allclose(vector, _unit(folder.hidden("the sea")[0]), atol=1e-5)


def test_model_without_such_files_gives_the_mean(folder: Folder) -> None:
    vector = _encoder(folder).encode(["the sea"], lambda *_: None)[0]
    np.testing.assert_allclose(vector, _unit(folder.hidden("the sea").mean(dim=0)), atol=1e-5)


@pytest.mark.parametrize("name", ["document", "passage", "corpus"])
def test_lyrics_and_questions_have_their_own_prompts(folder: Folder, name: str) -> None:
    folder.says("config_sentence_transformers.json", {"prompts": {name: "passage : ", "query": "query : "}})
    encoder = _encoder(folder)
    lyrics, question = encoder.encode(["the sea"], lambda *_: None)[0], encoder.encode_question("the sea")
    np.testing.assert_allclose(lyrics, _unit(folder.hidden("passage : the sea").mean(dim=0)), atol=1e-5)
    np.testing.assert_allclose(question, _unit(folder.hidden("query : the sea").mean(dim=0)), atol=1e-5)


def test_default_prompt_is_for_both(folder: Folder) -> None:
    content = {"prompts": {"any": "road : "}, "default_prompt_name": "any"}
    folder.says("config_sentence_transformers.json", content)
    encoder = _encoder(folder)
    np.testing.assert_allclose(encoder.encode(["snow"], lambda *_: None)[0], encoder.encode_question("snow"), atol=1e-6)
    np.testing.assert_allclose(
        encoder.encode_question("snow"), _unit(folder.hidden("road : snow").mean(dim=0)), atol=1e-5
    )


def test_prompt_that_is_not_pooled_only_gives_context(folder: Folder) -> None:
    folder.says("config_sentence_transformers.json", {"prompts": {"document": "passage : "}})
    folder.says("1_Pooling/config.json", {"pooling_mode": "mean", "include_prompt": False})
    expected = _unit(folder.hidden("passage : the sea")[3:].mean(dim=0))  # after the start and both tokens
    np.testing.assert_allclose(_encoder(folder).encode(["the sea"], lambda *_: None)[0], expected, atol=1e-5)


def test_each_window_of_a_long_text_has_the_prompt_and_fits_the_model(folder: Folder) -> None:
    folder.says("config_sentence_transformers.json", {"prompts": {"document": "passage : "}})
    encoder = _encoder(folder, window_tokens=100, stride_tokens=90, max_windows=20)
    text = " ".join(["snow", "road"] * 60 + ["light"])
    start = encoder._ids("passage :")
    windows = encoder._windows(text, [*encoder._before, *start])
    assert all(w[1:3] == start for w in windows)
    words = [len(w) - 4 for w in windows]
    assert sum(words) == 121  # the stride is cut to the room: each word once, none lost
    changed = encoder.encode([text, text.replace("light", "Meer")], lambda *_: None)
    assert not np.allclose(*changed, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("modules.json", [{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}], "a layer Dense"),
        ("1_Pooling/config.json", {"pooling_mode": "weightedmean"}, "pools by weightedmean"),
        ("1_Pooling/config.json", {OLD["mean"]: True, OLD["cls"]: True}, "pools by cls and mean"),
        ("config_sentence_transformers.json", ["no", "object"], "config_sentence_transformers.json is damaged"),
    ],
)
def test_model_that_would_be_read_wrongly_is_refused(folder: Folder, name: str, content: object, said: str) -> None:
    folder.says(name, content)
    with pytest.raises(ModelError, match=said):
        _encoder(folder)


def test_recipe_is_part_of_the_version(folder: Folder) -> None:
    config = LyricsConfig(model=str(folder.path))
    plain = model_version(config)
    folder.says("1_Pooling/config.json", {"pooling_mode": "mean"})
    assert model_version(config) == plain
    folder.says("1_Pooling/config.json", {"pooling_mode": "cls"})
    pooled = model_version(config)
    folder.says("config_sentence_transformers.json", {"prompts": {"query": "query : "}})
    assert len({plain, pooled, model_version(config)}) == 3
