"""What a head learns from artists: trained on half of the artists, asked about the other half beside its start."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmarks.real_music.collection import Collection
from benchmarks.real_music.hearing import Heard
from benchmarks.real_music.material import cosines
from benchmarks.real_music.measuring import measure
from simsong_pipeline.audio.body_layout import musicnn_weights
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.learning.batches import TrainingSongs
from simsong_pipeline.learning.encoder.start import fit_start
from simsong_pipeline.learning.training.loop import train
from simsong_pipeline.stages.encoders import build_encoder, on_training_device, trainee_of
from simsong_pipeline.stages.validation import embed_songs

START = "half_start"
RATES = (1e-3, 2e-3, 3e-3)
STEPS = (50, 100, 200, 400)


def measure_heads(
    collection: Collection,
    heard: Sequence[Heard],
    config: PipelineConfig,
    seeds: Sequence[int],
    rates: Sequence[float] = RATES,
    steps: Sequence[int] = STEPS,
) -> pl.DataFrame:
    """Values of the start and of NS heads with positives by artist; queries of all seeds, numbered apart."""
    parts = []
    for number, seed in enumerate(seeds):
        for name, values in _of_one_seed(
            collection, heard, read_config(None, config, {"train.seed": seed}), rates, steps
        ):
            shifted = values.with_columns(pl.col("query") + number * len(collection))
            parts.append(shifted.with_columns(pl.lit(name).alias("method")))
    return pl.concat(parts)


def _of_one_seed(
    collection: Collection, heard: Sequence[Heard], config: PipelineConfig, rates: Sequence[float], steps: Sequence[int]
) -> Iterator[tuple[str, pl.DataFrame]]:
    artists = np.random.default_rng(config.train.seed).permutation(np.unique(collection.artist))
    is_trained = np.isin(collection.artist, artists[: len(artists) // 2])
    trained, asked = np.flatnonzero(is_trained), np.flatnonzero(~is_trained)
    rows = {str(n): h.patches(config.body.patches) for n, h in enumerate(heard)}
    means = np.stack([rows[str(n)].mean(axis=0, dtype=np.float32) for n in trained])
    start = fit_start(means, config.encoder.embedding_dim, config.train.seed, musicnn_weights(config.body.models))
    songs = songs_by_artist([rows[str(n)] for n in trained], collection.artist[trained])
    tasks = collection.only(asked).tasks()
    encoder = on_training_device(build_encoder(config, start), config)
    ids = [str(n) for n in asked]

    def values() -> pl.DataFrame:
        scores = cosines(embed_songs(encoder, rows, ids, config))
        return measure([scores], tasks, collection.artist[asked])

    yield START, values()
    for rate in rates:
        for count in steps:
            changes = {"train.learning_rate": rate, "train.steps": count}
            changed = read_config(None, config, changes)
            learned = train(songs, trainee_of(changed, start), "ns", changed.train, None, lambda *_: None)
            encoder.load_state_dict(learned.weights)
            yield f"head_{rate:g}_{count}", values()


def songs_by_artist(rows: list[NDArray[np.float16]], artist: NDArray[np.str_]) -> TrainingSongs:
    """Songs whose neighbours are those of the same artist, without lyrics."""
    numbers = np.unique(artist, return_inverse=True)[1].astype(np.int64)
    same = (numbers[:, None] == numbers[None]) & ~np.eye(len(numbers), dtype=bool)
    return TrainingSongs(rows, numbers, csr_array(same.astype(np.float64)), np.zeros((len(rows), 2), np.float32))
