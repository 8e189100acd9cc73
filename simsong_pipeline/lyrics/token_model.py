"""What a text model is here: its tokenizer, and its network from tokens to a vector a token.

BERT's and RoBERTa's kinds, the packaged MiniLM among them, run by ONNX Runtime; any other that transformers knows runs
by torch, where that is installed.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.errors import MissingExtraError, ModelError, first_line


class TokenModel(Protocol):
    """A loaded tokenizer and network; one thread at a time.

    Attributes:
        width: of a token's vector.
        positions: tokens that the network takes at once.
        padding: id of the token that fills up a shorter text.
    """

    width: int
    positions: int
    padding: int

    def ids(self, text: str, special: bool) -> list[int]:
        """Token ids of a text, with the special tokens around it where wanted."""
        ...

    def hidden(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors [texts, tokens, width] of ids [texts, tokens]; mask is 1 at a token, 0 at padding."""
        ...


def open_token_model(name: str, folder: Path) -> TokenModel:
    """The model in a folder, by ONNX Runtime where its kind is known here.

    Raises:
        ModelError: it cannot be loaded.
        MissingExtraError: its kind needs torch, which is not installed.
    """
    try:
        from simsong_pipeline.lyrics.onnx_tokens import read_onnx_tokens

        found = read_onnx_tokens(folder)
        if found is not None:
            return found
        if find_spec("torch") is None or find_spec("transformers") is None:
            raise MissingExtraError(f"lyric model {name!r} is of a kind that runs by torch", "train")
        from simsong_pipeline.lyrics.torch_tokens import TorchTokens

        return TorchTokens(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise _not_loaded(name, error) from error


def model_folder(name: str) -> Path:
    """The folder `name`, or one with the files of the hub's model of that name, fetched where they are not there.

    Raises:
        ModelError: neither is to be had.
    """
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.txt", "*.model", "model*.safetensors"]))
    except (OSError, ValueError) as error:
        raise _not_loaded(name, error) from error


def _not_loaded(name: str, error: Exception) -> ModelError:
    reason = "its JSON is damaged" if isinstance(error, json.JSONDecodeError) else first_line(error)
    return ModelError(
        f"lyric model {name!r} cannot be loaded: give a folder that holds one, or a hub name where the hub is "
        f"reachable ({reason})"
    )
