"""Lyrics alone, by words' counts and by the language model, whichever of them the home embeds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.config import LyricsConfig, PipelineConfig
from simsong_pipeline.files import sha256_of, write_atomically
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics.bag_fitting import fit_bags
from simsong_pipeline.lyrics.model_version import model_version
from simsong_pipeline.lyrics.whitening import fit_whitening

Progress = Callable[[int, int], None]
# Training songs whose lyrics the whitening is fitted on: their covariance is known well enough.
_FITTED = 5_000
_AT_ONCE = 1_000


class LyricVectors:
    """Whitened lyric vectors of test songs by one kind of model, made when they are first asked for.

    Args:
        kind: `bag` or `text`.
        out: where texts' vectors are kept, so that a benchmark that was stopped goes on.
    """

    def __init__(self, workspace: Workspace, config: PipelineConfig, kind: str, out: Path, progress: Progress) -> None:
        self._config, self._kind, self._out, self._progress = config, kind, out, progress
        lyrics = workspace.read("lyrics").filter(pl.col("status") == "ok").select("track_id", "text", "text_sha256")
        self._texts = lyrics.join(workspace.read("splits"), on="track_id").sort("track_id")
        self._own = workspace.read("lyric_embeddings") if config.bags.embed == (kind == "bag") else None
        self._vectors: dict[str, NDArray[np.float32]] | None = None

    def rows(self, track_ids: list[str]) -> NDArray[np.float32]:
        """[n, k] unit vectors, zero for a song without lyrics."""
        if self._vectors is None:
            self._vectors = self._made()
        width = len(next(iter(self._vectors.values()), np.zeros(1, np.float32)))
        nothing = np.zeros(width, np.float32)
        return np.stack([self._vectors.get(track_id, nothing) for track_id in track_ids])

    def _made(self) -> dict[str, NDArray[np.float32]]:
        train = self._texts.filter(split="train")
        test = self._texts.filter(split="test")
        if train.height < 4 or not test.height:
            return {}
        some = np.random.default_rng(0).permutation(train.height)[:_FITTED]
        fitted, asked = self._embedded(train[np.sort(some)]), self._embedded(test)
        whitening = fit_whitening(fitted[fitted.any(axis=1)], self._config.lyrics.whitened_dim)
        known = asked.any(axis=1)
        return dict(zip(test["track_id"].filter(pl.Series(known)), whitening.apply(asked[known]), strict=True))

    def _embedded(self, texts: pl.DataFrame) -> NDArray[np.float32]:
        """[n, d], zero where the model knows none of the words."""
        if self._own is not None:
            width = self._own.schema["vector"].shape[0]  # type: ignore[attr-defined]
            rows, joined = (
                np.zeros((texts.height, width), np.float32),
                texts.join(self._own, on=["track_id", "text_sha256"], how="left", maintain_order="left"),
            )
            rows[joined["vector"].is_not_null().to_numpy()] = joined["vector"].drop_nulls().to_numpy()
            return rows
        return self._by_counts(texts) if self._kind == "bag" else self._by_model(texts)

    def _by_counts(self, texts: pl.DataFrame) -> NDArray[np.float32]:
        learned = self._texts.filter(pl.col("split") != "test")["text"].to_list()
        return fit_bags(learned, self._config.bags, self._config.train.seed).embed(texts["text"].to_list())

    def _by_model(self, texts: pl.DataFrame) -> NDArray[np.float32]:
        """Kept in files of a thousand texts."""
        parts = []
        for begin in range(0, texts.height, _AT_ONCE):
            part = texts[begin : begin + _AT_ONCE]
            parts.append(_kept(self._out, part, self._config.lyrics))
            self._progress(begin + part.height, texts.height)
        return np.concatenate(parts)


def _kept(out: Path, texts: pl.DataFrame, config: LyricsConfig) -> NDArray[np.float32]:
    path = out / "texts" / f"{sha256_of(model_version(config), texts['text_sha256'].to_list())[:24]}.npy"
    if not path.is_file():
        from simsong_pipeline.lyrics.embedding import LyricEncoder

        vectors = LyricEncoder(config).encode(texts["text"].to_list(), lambda *_: None)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda handle: np.save(handle, vectors))
    loaded: NDArray[np.float32] = np.load(path)
    return loaded
