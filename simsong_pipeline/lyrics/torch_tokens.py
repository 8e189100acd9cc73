"""Text models of any kind that transformers knows, by torch: the extra `train`."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging


class TorchTokens:
    """See `token_model.TokenModel`.

    Raises:
        OSError, ValueError: transformers cannot load the folder.
    """

    def __init__(self, folder: str) -> None:
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model.to(self._device)
        self.width = int(self._model.config.hidden_size)
        self.positions = _positions(self._model.config)
        self.padding = int(self._tokenizer.pad_token_id or 0)

    def ids(self, text: str, special: bool) -> list[int]:
        """See `token_model.TokenModel`."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"]
        return ids

    @torch.inference_mode()
    def hidden(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `token_model.TokenModel`."""
        given = {"input_ids": ids, "attention_mask": mask}
        tensors = {name: torch.from_numpy(value).to(self._device) for name, value in given.items()}
        vectors: NDArray[np.float32] = self._model(**tensors).last_hidden_state.float().cpu().numpy()
        return vectors


def _positions(config: Any) -> int:
    """Tokens that a model takes at once; RoBERTa's kind counts positions from after the padding token's id."""
    known = int(getattr(config, "max_position_embeddings", 2**31))
    return known - int(config.pad_token_id) - 1 if "roberta" in config.model_type else known
