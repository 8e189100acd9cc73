"""The gate: what it asks, that it lets through what pays and nothing else, and what training waits for."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.config import EvaluationConfig, PipelineConfig, TrainConfig
from simsong_pipeline.evaluation.ground_truth import artist_numbers
from simsong_pipeline.learning.batches import TrainingSongs
from simsong_pipeline.learning.encoder.start import fit_start
from simsong_pipeline.stages.gate import FOLDS, compare_with_start, folds_of
from simsong_pipeline.stages.readiness import has_outgrown, waits_for

CHANNELS, DIM = 40, 24
CONFIG = PipelineConfig(
    train=TrainConfig(head_steps=60, batch_size=24, learning_rate=1e-2, warmup_steps=5, precision="fp32"),
    evaluation=EvaluationConfig(k=5, bootstrap=200),
)


@dataclass(frozen=True)
class Frames:
    tracks: pl.DataFrame
    similarity: pl.DataFrame


class PlantedParts:
    """What the gate needs of a catalogue: songs whose relations are written into two of their channels, or are not.

    Six groups lie apart in two quiet channels; twelve loud channels say nothing. Each artist has two songs, whose
    groups differ.
    """

    def __init__(self, songs: int, readable: bool, related: bool = True) -> None:
        rng = np.random.default_rng(0)
        groups = rng.integers(6, size=songs)
        rows = rng.normal(size=(songs, 4, CHANNELS)) * 0.2
        rows[:, :, :12] += rng.normal(size=(songs, 1, 12)) * 3
        angle = groups * np.pi / 3
        told = groups if readable else rng.permutation(groups)
        angle = told * np.pi / 3
        rows[:, :, 12] += 1.5 * np.cos(angle)[:, None]
        rows[:, :, 13] += 1.5 * np.sin(angle)[:, None]
        self.known = [f"TR{n:03d}" for n in range(songs)]
        self.train = self.known
        self.features = {t: r.astype(np.float16) for t, r in zip(self.known, rows, strict=True)}
        artists = [f"AR{n // 2:03d}" for n in range(songs)]
        same = (groups[:, None] == groups[None]) & ~np.eye(songs, dtype=bool)
        at, other = np.nonzero(same) if related else (np.zeros(0, int), np.zeros(0, int))
        tracks = pl.DataFrame({"track_id": self.known, "artist_id": artists})
        ids = np.array(self.known)
        pairs = {"track_id": ids[at].tolist(), "neighbour_id": ids[other].tolist(), "score": [1.0] * len(at)}
        schema = {"track_id": pl.String, "neighbour_id": pl.String, "score": pl.Float64}
        self.frames = Frames(tracks, pl.DataFrame(pairs, schema=schema))
        self._same = same if related else np.zeros_like(same)

    def songs_of(self, ids: list[str]) -> TrainingSongs:
        chosen = np.array([self.known.index(t) for t in ids])
        neighbours = csr_array(self._same[np.ix_(chosen, chosen)].astype(np.float64))
        neighbours.sort_indices()
        lyrics = np.zeros((len(ids), 4), np.float32)
        return TrainingSongs(
            [self.features[t] for t in ids], artist_numbers(self.frames.tracks, ids), neighbours, lyrics
        )

    def training_songs(self) -> TrainingSongs:
        return self.songs_of(self.known)

    def means(self) -> NDArray[np.float32]:
        return np.stack([self.features[t].mean(axis=0, dtype=np.float32) for t in self.known])


def test_folds_ask_each_song_once_and_divide_no_artist() -> None:
    parts = PlantedParts(90, readable=True)
    folds = folds_of(parts, seed=3)
    assert sorted(t for fold in folds for t in fold.asked) == parts.known
    artist = dict(parts.frames.tracks.rows())
    for fold in folds:
        assert not {artist[t] for t in fold.asked} & {artist[t] for t in fold.trained}
        assert sorted([*fold.asked, *fold.trained]) == parts.known
    assert max(len(f.asked) for f in folds) - min(len(f.asked) for f in folds) <= 2


def _gain(readable: bool) -> tuple[float, float]:
    parts = PlantedParts(120, readable)
    found = compare_with_start(parts, "ns", fit_start(parts.means(), DIM, 0), CONFIG)
    assert found.queries == sum(fold.queries for fold in folds_of(parts, CONFIG.train.seed))
    return found.difference, found.ci_low


@pytest.mark.slow
def test_head_that_finds_what_was_planted_passes() -> None:
    difference, low = _gain(readable=True)
    assert difference > 0.05
    assert low > 0


@pytest.mark.slow
def test_head_that_learns_what_is_not_there_does_not_pass() -> None:
    assert _gain(readable=False)[1] <= 0


def test_nothing_is_waited_for_where_there_is_enough() -> None:
    assert waits_for(PlantedParts(120, readable=True), 0) == ""


@pytest.mark.parametrize(
    ("parts", "expected"),
    [(PlantedParts(120, True, related=False), "known to belong together"), (PlantedParts(16, True), "50 songs with")],
)
def test_what_is_missing_is_named(parts: PlantedParts, expected: str) -> None:
    assert expected in waits_for(parts, 0)


@pytest.mark.parametrize(
    ("fitted", "songs", "outgrown"), [(5, 9, False), (5, 10, True), (1_500, 3_000, True), (2_000, 90_000, False)]
)
def test_start_is_fitted_anew_when_the_catalogue_has_doubled(fitted: int, songs: int, outgrown: bool) -> None:
    assert has_outgrown(fitted, songs) == outgrown


def test_there_are_as_many_folds_as_stated() -> None:
    assert len(folds_of(PlantedParts(40, readable=True), 0)) == FOLDS
