"""Lyrics to vectors by a BERT-family model: windows of tokens, pooled as the model's own files say, batched.

What does not belong here: whitening, which is fitted on training songs (`lyrics.whitening`).
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging
from transformers.utils.hub import cached_file

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.errors import ModelError, first_line
from simsong_pipeline.lyrics.model_version import model_name, model_version
from simsong_pipeline.lyrics.text_recipe import text_recipe

Progress = Callable[[int, int], None]


class LyricEncoder:
    """A loaded tokenizer and model.

    Attributes:
        version: identifies the weights and the windows; part of each vector's row.
        width: length of a vector.

    Raises:
        ModelError: the model is neither a folder nor a hub name that can be loaded, or `text_recipe` does not know it.
    """

    def __init__(self, config: LyricsConfig) -> None:
        self._config = config
        name = model_name(config)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            self._model = AutoModel.from_pretrained(name, dtype=torch.float32).eval()
            self._recipe = text_recipe(name, lambda file: _file_of(name, file))
        except (OSError, ValueError) as error:
            raise ModelError(
                f"lyric model {name!r} cannot be loaded: give a folder that holds one, or a hub name where the "
                f"hub is reachable ({first_line(error)})"
            ) from error
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model.to(self._device)
        self.version = model_version(config)
        self.width = int(self._model.config.hidden_size)
        self._before, self._after = self._special_tokens()

    def encode(self, texts: Sequence[str], progress: Progress) -> NDArray[np.float32]:
        """Unit vectors [len(texts), width] of lyrics: those of all windows of a text averaged.

        A long text is cut into overlapping windows; each pooled token counts once for each window it is in.
        """
        return self._encode(texts, self._recipe.document, progress)

    def encode_question(self, text: str) -> NDArray[np.float32]:
        """Unit vector [width] of a text that lyrics are compared with."""
        vector: NDArray[np.float32] = self._encode([text], self._recipe.query, lambda *_: None)[0]
        return vector

    def _encode(self, texts: Sequence[str], prompt: str, progress: Progress) -> NDArray[np.float32]:
        head = [*self._before, *self._ids(prompt)]
        windows = [(n, w) for n, text in enumerate(texts) for w in self._windows(text, head)]
        windows.sort(key=lambda item: len(item[1]))  # like lengths together: little padding
        skipped = 0 if self._recipe.pool_prompt else len(head)
        sums, counts = np.zeros((len(texts), self.width), np.float64), np.zeros(len(texts))
        size = self._config.batch_size
        for begin in range(0, len(windows), size):
            batch = windows[begin : begin + size]
            owners = [n for n, _ in batch]
            vectors, tokens = self._forward([w for _, w in batch], skipped)
            np.add.at(sums, owners, vectors * tokens[:, None])
            np.add.at(counts, owners, tokens)
            progress(min(begin + size, len(windows)), len(windows))
        mean = sums / np.maximum(counts, 1)[:, None]
        unit: NDArray[np.float32] = (mean / np.maximum(np.linalg.norm(mean, axis=1), 1e-12)[:, None]).astype(np.float32)
        return unit

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def _special_tokens(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and after a text, whatever family it is of."""
        inside = self._ids("a")
        whole: list[int] = self._tokenizer("a", verbose=False)["input_ids"]
        at = next(n for n in range(len(whole)) if whole[n : n + len(inside)] == inside)
        return whole[:at], whole[at + len(inside) :]

    def _windows(self, text: str, head: list[int]) -> list[list[int]]:
        """Token ids of each window: `head`, a part of the text, the special tokens after it."""
        config = self._config
        room = min(config.window_tokens, _positions(self._model.config)) - len(head) - len(self._after)
        if room < 1:
            raise ModelError(f"lyrics.window_tokens ({config.window_tokens}) leaves no room for words: raise it")
        stride = min(config.stride_tokens, room)  # no word between windows is lost where there is less room
        ids = self._ids(text)
        count = 1 + max(0, math.ceil((len(ids) - room) / stride))
        starts = [n * stride for n in range(min(count, config.max_windows))]
        return [[*head, *ids[s : s + room], *self._after] for s in starts]

    @torch.inference_mode()
    def _forward(self, windows: list[list[int]], skipped: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pooled vector of each window and how many tokens it is of."""
        batch = self._tokenizer.pad({"input_ids": windows}, padding_side="right", return_tensors="pt").to(self._device)
        mask = batch["attention_mask"].bool().unsqueeze(-1)
        hidden = self._model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        if self._recipe.pooling != "mean":
            last = mask.sum(dim=1).squeeze(-1) - 1
            at = torch.zeros_like(last) if self._recipe.pooling == "cls" else last
            chosen = hidden[torch.arange(len(hidden), device=hidden.device), at]
            return chosen.double().cpu().numpy(), np.ones(len(windows))
        mask[:, :skipped] = False
        tokens = mask.sum(dim=1)
        mean = (hidden * mask).sum(dim=1) / tokens
        return mean.double().cpu().numpy(), tokens.squeeze(-1).double().cpu().numpy()


def _file_of(model: str, file: str) -> Path | None:
    """A file of a folder or hub model; null where it has none of that name."""
    path = cached_file(model, file, _raise_exceptions_for_missing_entries=False)
    return Path(path) if path else None


def _positions(config: Any) -> int:
    """Tokens that a model takes at once; RoBERTa's kind counts positions from after the padding token's id."""
    known = int(getattr(config, "max_position_embeddings", 2**31))
    return known - int(config.pad_token_id) - 1 if "roberta" in config.model_type else known
