"""Text models of BERT's and RoBERTa's kinds by ONNX Runtime, read from the files of their folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import Tokenizer

from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.inference import open_session
from simsong_pipeline.lyrics.bert_graph import BertGraph, BertShape, shape_of, weight_names

_KINDS = frozenset({"F64", "F32", "F16"})


class OnnxTokens:
    """See `token_model.TokenModel`."""

    def __init__(self, tokenizer: Tokenizer, padding: int, shape: BertShape, weights: dict[str, Any]) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.width, self.positions, self.padding = shape.width, shape.positions, padding
        options = onnxruntime.SessionOptions()  # all cores for a call: lyrics come one batch after the other
        options.log_severity_level = 3
        # The session reads them where they lie, so they are kept as long as it is.
        self._weights = {name: onnxruntime.OrtValue.ortvalue_from_numpy(value) for name, value in weights.items()}
        options.add_external_initializers(list(self._weights), list(self._weights.values()))
        self._session = open_session(BertGraph(shape, weights).model(), InferenceConfig(), options)

    def ids(self, text: str, special: bool) -> list[int]:
        """See `token_model.TokenModel`."""
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=special).ids
        return found

    def hidden(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `token_model.TokenModel`."""
        vectors: NDArray[np.float32] = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return vectors


def read_onnx_tokens(folder: Path) -> OnnxTokens | None:
    """The model in a folder; null where it is of another kind, or has no weights or tokenizer that can be read here.

    Raises:
        OSError, ValueError, KeyError: a file is missing or damaged.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape, vocabulary = shape_of(config), folder / "tokenizer.json"
    if shape is None or not vocabulary.is_file():
        return None
    weights = _weights(folder, shape)
    if weights is None:
        return None
    return OnnxTokens(_tokenizer(vocabulary), int(config.get("pad_token_id") or 0), shape, weights)


def _tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more exact
        raise ValueError(f"{path} is damaged: {error}") from error


def _weights(folder: Path, shape: BertShape) -> dict[str, NDArray[np.float32]] | None:
    """The network's tensors by name, matrices as [in, out]; null where one is missing or of a kind unknown to NumPy."""
    found: dict[str, NDArray[np.float32]] = {}
    for path in _files(folder):
        try:
            with safe_open(path, framework="np") as held:
                present = set(held.keys())
                start = _prefix(present)
                for name in weight_names(shape):
                    if start + name in present and held.get_slice(start + name).get_dtype() in _KINDS:
                        found[name] = _turned(name, held.get_tensor(start + name).astype(np.float32))
        except Exception as error:  # safetensors' own errors share no base class but this one
            raise ValueError(f"{path} is damaged: {error}") from error
    return found if len(found) == len(weight_names(shape)) else None


def _files(folder: Path) -> list[Path]:
    """The files of weights, which may be several that an index names."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file() or not index.is_file():
        return [path for path in [folder / "model.safetensors"] if path.is_file()]
    parts = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [folder / name for name in sorted(set(parts))]


def _prefix(names: set[str]) -> str:
    """What stands before the network's names in a checkpoint of a network for some task."""
    for kind in ("bert.", "roberta."):
        if any(name.startswith(kind) for name in names):
            return kind
    return ""


def _turned(name: str, value: NDArray[np.float32]) -> NDArray[np.float32]:
    is_matrix = value.ndim == 2 and not name.startswith("embeddings.")
    return np.ascontiguousarray(value.T if is_matrix else value)
