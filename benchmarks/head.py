"""What a head on kept features costs to train: `python -m benchmarks.head --songs 2000 5000`.

Songs are planted: each artist has a style among the channels, each song and each patch is drawn around it, and lyrics
are drawn the same way. Of these the start is fitted, and both variants' heads are trained by the product's own loop in
as many steps as configured, with a fifth of the songs to validate on. Seconds of processor and of wall time.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT, musicnn_weights
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import per_query
from simsong_pipeline.evaluation.task import build_task
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.learning.batches import TrainingSongs
from simsong_pipeline.learning.encoder.start import fit_start
from simsong_pipeline.learning.song_model import SongModel
from simsong_pipeline.learning.training.loop import train
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.stages.encoders import trainee_of, training_of
from simsong_pipeline.stages.validation import embed_songs

_BY_AN_ARTIST = 10


@dataclass(frozen=True)
class Planted:
    """Songs as training reads them.

    Attributes:
        rows: [patches, channels] of each song.
        artist: [n] number of each song's artist.
        lyrics: [n, k] unit vectors.
    """

    rows: list[NDArray[np.float16]]
    artist: NDArray[np.int64]
    lyrics: NDArray[np.float32]

    def training_songs(self, chosen: NDArray[np.int64]) -> TrainingSongs:
        """Some of them, those of one artist being neighbours."""
        artist = self.artist[chosen]
        at, other = np.nonzero((artist[:, None] == artist[None]) & ~np.eye(len(artist), dtype=bool))
        neighbours = csr_array((np.ones(len(at)), (at, other)), shape=(len(artist), len(artist)))
        return TrainingSongs([self.rows[n] for n in chosen], artist, neighbours, self.lyrics[chosen])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, nargs="+", default=[2_000, 5_000])
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--config", type=Path, help="TOML file, as for `simsong run`")
    chosen = parser.parse_args()
    config = read_config(chosen.config, PipelineConfig(), {"encoder.kind": "musicnn"})
    torch.set_num_threads(chosen.threads)
    print(f"{config.train.head_steps} steps of {config.train.batch_size} songs, {chosen.threads} thread(s)")
    print(f"{'songs':>6} {'part':24} {'processor, s':>12} {'wall, s':>9}")
    for songs in chosen.songs:
        for part, processor, wall in measure(planted(songs, config), config):
            print(f"{songs:6} {part:24} {processor:12.2f} {wall:9.2f}", flush=True)


def planted(songs: int, config: PipelineConfig) -> Planted:
    """So many songs by a tenth as many artists."""
    rng = np.random.default_rng(0)
    artist = np.arange(songs) // _BY_AN_ARTIST
    channels, patches = MUSICNN_LAYOUT.width * len(config.body.models), config.body.patches
    styles = 0.5 * rng.standard_normal((artist.max() + 1, channels), np.float32)
    rows = []
    for own in artist:
        song = styles[own] + 0.5 * rng.standard_normal(channels, np.float32)
        rows.append((song + 0.5 * rng.standard_normal((patches, channels), np.float32)).astype(np.float16))
    said = rng.standard_normal((songs, config.lyrics.whitened_dim), np.float32)
    return Planted(rows, artist, said / np.linalg.norm(said, axis=1, keepdims=True))


def measure(known: Planted, config: PipelineConfig) -> Iterator[tuple[str, float, float]]:
    """Each part with its seconds of processor and of wall time."""
    # Validation artists are none of the training's.
    is_asked = known.artist % 5 == 0
    songs = known.training_songs(np.flatnonzero(~is_asked))
    validate = _validation(known, np.flatnonzero(is_asked), config)
    started = time.process_time(), time.perf_counter()
    start = _start(known, config)
    yield "start", *_since(started)
    for variant in get_args(Variant):
        started = time.process_time(), time.perf_counter()
        train(songs, trainee_of(config, start), variant, training_of(config, start), validate, lambda *_: None)
        yield f"{variant.upper()} head", *_since(started)


def _start(known: Planted, config: PipelineConfig) -> Whitening:
    means = np.stack([rows.mean(axis=0, dtype=np.float32) for rows in known.rows[:2_000]])
    return fit_start(means, config.encoder.embedding_dim, config.train.seed, musicnn_weights(config.body.models))


def _validation(known: Planted, asked: NDArray[np.int64], config: PipelineConfig) -> Callable[[SongModel], float]:
    """Recall among the songs that are asked about, as the product has it of its validation songs."""
    artist = known.artist[asked]
    task = build_task((artist[:, None] == artist[None]) & ~np.eye(len(artist), dtype=bool))
    rows, ids = {str(n): known.rows[n] for n in asked}, [str(n) for n in asked]
    k = config.evaluation.k

    def recall(model: SongModel) -> float:
        vectors = embed_songs(model.encoder, rows, ids, config)
        return float(per_query(top_k(vectors @ vectors.T, task, k), task, k)["recall"].mean())

    return recall


def _since(started: tuple[float, float]) -> tuple[float, float]:
    return time.process_time() - started[0], time.perf_counter() - started[1]


if __name__ == "__main__":
    main()
