"""Lyrics to vectors by a BERT-family model: windows of tokens, pooled as the model's own files say, batched.

What does not belong here: the network (`lyrics.token_model`), and whitening, which is fitted on training songs
(`lyrics.whitening`).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.lyrics.model_version import model_name, model_version
from simsong_pipeline.lyrics.text_recipe import in_folder, text_recipe
from simsong_pipeline.lyrics.token_model import model_folder, open_token_model

Progress = Callable[[int, int], None]


class LyricEncoder:
    """A loaded tokenizer and model.

    Attributes:
        version: identifies the weights and the windows; part of each vector's row.
        width: length of a vector.

    Raises:
        ModelError: the model is neither a folder nor a hub name that can be loaded, or `text_recipe` does not know it.
        ModelUnavailableError: the packaged model is not on this machine.
        MissingExtraError: it is of a kind that needs torch, which is not installed.
    """

    def __init__(self, config: LyricsConfig) -> None:
        self._config = config
        name = model_name(config)
        folder = model_folder(name)
        self._model = open_token_model(name, folder)
        self._recipe = text_recipe(name, in_folder(folder))
        self.version = model_version(config)
        self.width = self._model.width
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
        return self._model.ids(text, special=False)

    def _special_tokens(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and after a text, whatever family it is of."""
        inside, whole = self._ids("a"), self._model.ids("a", special=True)
        at = next(n for n in range(len(whole)) if whole[n : n + len(inside)] == inside)
        return whole[:at], whole[at + len(inside) :]

    def _windows(self, text: str, head: list[int]) -> list[list[int]]:
        """Token ids of each window: `head`, a part of the text, the special tokens after it."""
        config = self._config
        room = min(config.window_tokens, self._model.positions) - len(head) - len(self._after)
        if room < 1:
            raise ModelError(f"lyrics.window_tokens ({config.window_tokens}) leaves no room for words: raise it")
        stride = min(config.stride_tokens, room)  # no word between windows is lost where there is less room
        ids = self._ids(text)
        count = 1 + max(0, math.ceil((len(ids) - room) / stride))
        starts = [n * stride for n in range(min(count, config.max_windows))]
        return [[*head, *ids[s : s + room], *self._after] for s in starts]

    def _forward(self, windows: list[list[int]], skipped: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pooled vector of each window and how many tokens it is of."""
        lengths = np.array([len(window) for window in windows])
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, self._model.padding, np.int64)
        ids[mask] = np.concatenate(windows)
        hidden = self._model.hidden(ids, mask.astype(np.int64))
        if self._recipe.pooling != "mean":
            at = 0 if self._recipe.pooling == "cls" else lengths - 1
            return hidden[np.arange(len(hidden)), at].astype(np.float64), np.ones(len(windows))
        mask[:, :skipped] = False
        tokens = mask.sum(axis=1).astype(np.float64)
        return np.einsum("btd,bt->bd", hidden, mask.astype(np.float32)) / tokens[:, None], tokens
