"""The lyric vectors of a home whose lyrics are bags of words."""

import numpy as np
import polars as pl

from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.bag_files import BagFiles
from simsong_pipeline.home.run import Run
from simsong_pipeline.lyrics.bag_fitting import fit_bags
from simsong_pipeline.lyrics.bags import BagModel
from simsong_pipeline.schemas import LYRIC_EMBEDDINGS, conform, empty

# Of fewer songs nothing can be fitted, and they have no lyric vectors yet.
_FEWEST = 4


def make_bag_vectors(run: Run, lyrics: pl.DataFrame, splits: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The lyric_embeddings frame, and the tracks that were embedded for it; the others keep their vectors.

    The model is fitted once, by the songs of the training and validation parts, and embeds whatever comes later. A song
    whose words it does not know has no vector, like one without lyrics.

    Raises:
        ModelError: the model that present vectors are by is gone or damaged.
    """
    texts = lyrics.filter(pl.col("status") == "ok").select("track_id", "text", "text_sha256").sort("track_id")
    previous = run.workspace.read_if_there("lyric_embeddings")
    files = BagFiles(run.workspace.bag_models, run.config.bags)
    version, model = _model(run, files, texts, splits, previous) or (files.prefix, None)
    kept = _kept(previous, texts, version, run.config.bags.dim)
    texts = texts.join(kept, on="track_id", how="anti")
    new = _embedded(texts, version, model, run.config.bags.dim)
    run.events.progress(texts.height, texts.height)
    frame = conform(pl.concat([kept, new.select(kept.columns)]).sort("track_id"), LYRIC_EMBEDDINGS)
    return frame, new["track_id"].to_list()


def _model(
    run: Run, files: BagFiles, texts: pl.DataFrame, splits: pl.DataFrame, previous: pl.DataFrame | None
) -> tuple[str, BagModel] | None:
    """The home's, fitted where there is none; null where too few songs have lyrics."""
    known = files.read()
    if known is not None:
        return known
    lost = previous is not None and previous["model"].str.starts_with(files.prefix).any()
    if lost and not run.wishes.retrain:
        raise ModelError(
            f"{run.workspace.bag_models} has no model of bags of words, and songs were embedded by one: another one "
            "has other directions, so train anew with `simsong run --retrain`"
        )
    learned = texts.join(splits.filter(pl.col("split") != "test"), on="track_id", how="semi")
    if learned.height < _FEWEST:
        return None
    run.events.note(f"bags of words: fitted on {learned.height} songs")
    model = fit_bags(learned["text"].to_list(), run.config.bags, run.config.train.seed)
    with run.workspace.lock():
        return files.write(model), model


def _kept(previous: pl.DataFrame | None, texts: pl.DataFrame, version: str, dim: int) -> pl.DataFrame:
    """Rows of the last run that still hold."""
    known = None if previous is None else previous.filter(pl.col("model") == version)
    if known is None or not known.height:
        return empty(LYRIC_EMBEDDINGS, dim)
    return known.join(texts, on=["track_id", "text_sha256"], how="semi")


def _embedded(texts: pl.DataFrame, version: str, model: BagModel | None, dim: int) -> pl.DataFrame:
    vectors = np.zeros((texts.height, dim), np.float32) if model is None else model.embed(texts["text"].to_list())
    rows = texts.select("track_id", "text_sha256").with_columns(
        pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, dim)), pl.lit(version).alias("model")
    )
    return rows.filter(pl.Series(vectors.any(axis=1), dtype=pl.Boolean))
