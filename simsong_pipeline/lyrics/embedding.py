"""Lyrics to vectors by a BERT-family model: windows of tokens, masked mean pooling, batched.

What does not belong here: whitening, which is fitted on training songs (`lyrics.whitening`).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.errors import ModelError, first_line
from simsong_pipeline.lyrics.model_version import model_name, model_version

Progress = Callable[[int, int], None]


class LyricEncoder:
    """A loaded tokenizer and model.

    Attributes:
        version: identifies the weights and the windows; part of each vector's row.
        width: length of a vector.

    Raises:
        ModelError: the model is neither a folder nor a hub name that can be loaded.
    """

    def __init__(self, config: LyricsConfig) -> None:
        self._config = config
        name = model_name(config)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            self._model = AutoModel.from_pretrained(name, dtype=torch.float32).eval()
        except (OSError, ValueError) as error:
            raise ModelError(
                f"lyric model {name!r} cannot be loaded: give a folder that holds one, or a hub name where the "
                f"hub is reachable ({first_line(error)})"
            ) from error
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model.to(self._device)
        self.version = model_version(config)
        self.width = int(self._model.config.hidden_size)

    def encode(self, texts: Sequence[str], progress: Progress) -> NDArray[np.float32]:
        """Unit vectors [len(texts), width]: token vectors averaged over all windows of a text.

        A long text is cut into overlapping windows; each token counts once for each window it is in.
        """
        windows = [(n, w) for n, text in enumerate(texts) for w in self._windows(text)]
        windows.sort(key=lambda item: len(item[1]))  # like lengths together: little padding
        sums, counts = np.zeros((len(texts), self.width), np.float64), np.zeros(len(texts))
        size = self._config.batch_size
        for begin in range(0, len(windows), size):
            batch = windows[begin : begin + size]
            owners = [n for n, _ in batch]
            vectors, tokens = self._forward([w for _, w in batch])
            np.add.at(sums, owners, vectors * tokens[:, None])
            np.add.at(counts, owners, tokens)
            progress(min(begin + size, len(windows)), len(windows))
        mean = sums / np.maximum(counts, 1)[:, None]
        unit: NDArray[np.float32] = (mean / np.maximum(np.linalg.norm(mean, axis=1), 1e-12)[:, None]).astype(np.float32)
        return unit

    def _windows(self, text: str) -> list[list[int]]:
        """Token ids of each window, special tokens included."""
        config = self._config
        room = min(config.window_tokens, int(self._model.config.max_position_embeddings)) - 2
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        count = 1 + max(0, math.ceil((len(ids) - room) / config.stride_tokens))
        starts = [n * config.stride_tokens for n in range(min(count, config.max_windows))]
        start, end = self._tokenizer.cls_token_id, self._tokenizer.sep_token_id
        return [[start, *ids[s : s + room], end] for s in starts]

    @torch.inference_mode()
    def _forward(self, windows: list[list[int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean token vector of each window and its number of tokens."""
        batch = self._tokenizer.pad({"input_ids": windows}, return_tensors="pt").to(self._device)
        mask = (batch["input_ids"] != self._tokenizer.pad_token_id).unsqueeze(-1)
        hidden = self._model(input_ids=batch["input_ids"], attention_mask=mask.squeeze(-1).long()).last_hidden_state
        tokens = mask.sum(dim=1)
        mean = (hidden * mask).sum(dim=1) / tokens
        return mean.double().cpu().numpy(), tokens.squeeze(-1).double().cpu().numpy()
