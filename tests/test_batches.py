"""Batches: reproducible, paired rightly, with the right pairs left out."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from simsong_pipeline.config import AugmentConfig, TrainConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.learning.batches import (
    Batch,
    DeviceSegments,
    MappedSegments,
    SegmentViews,
    TrainingSongs,
    draw_batch,
)

STILL = AugmentConfig(equaliser_db=0, noise_db=0, time_mask=0, mel_mask=0)
CPU = torch.device("cpu")


def _songs(n: int = 10, neighbours: dict[int, int] | None = None) -> TrainingSongs:
    """Song i has the value i everywhere in its features."""
    pairs = neighbours or {}
    matrix = csr_array((np.ones(len(pairs)), (list(pairs), list(pairs.values()))), shape=(n, n))
    features = [np.full((50, 4), i, np.float16) for i in range(n)]
    return TrainingSongs(features, np.arange(n) // 2, matrix, np.zeros((n, 3), np.float32))


def _draw(songs: TrainingSongs, config: TrainConfig, step: int = 0, rank: int = 0) -> Batch:
    return draw_batch(songs, SegmentViews(songs.features, 20, CPU), config, step, rank)


def _config(**changes: object) -> TrainConfig:
    return TrainConfig.model_validate({"batch_size": 4, "augment": STILL} | changes)


def test_same_step_draws_the_same_batch() -> None:
    first, second = (_draw(_songs(), TrainConfig(batch_size=4), 3) for _ in range(2))
    assert np.array_equal(first.songs, second.songs)
    assert first.inputs.equal(second.inputs)


@pytest.mark.parametrize("other", [{"step": 4}, {"step": 3, "rank": 1}])
def test_other_step_or_rank_draws_another_batch(other: dict[str, int]) -> None:
    first = _draw(_songs(), TrainConfig(batch_size=4), step=3)
    second = _draw(_songs(), TrainConfig(batch_size=4), **other)
    assert not first.inputs.equal(second.inputs)


def test_segments_are_of_the_songs_they_are_said_to_be() -> None:
    batch = _draw(_songs(), _config())
    assert batch.inputs[:, 0, 0].tolist() == batch.songs.tolist()


def test_songs_of_a_batch_are_different() -> None:
    batch = _draw(_songs(), _config(batch_size=8))
    assert len(set(batch.songs[:8].tolist())) == 8


@pytest.mark.parametrize(("share", "partner"), [(1.0, 7), (0.0, 3)])
def test_second_view_is_of_a_neighbour_in_the_wanted_share(share: float, partner: int) -> None:
    songs = _songs(neighbours={3: 7})
    batch = _draw(songs, _config(batch_size=10, neighbour_share=share))
    row = batch.songs[:10].tolist().index(3)
    assert batch.songs[row + 10] == partner


def test_known_pairs_are_same_artist_or_neighbours_in_either_direction() -> None:
    chosen = np.array([0, 1, 4, 5])
    known = _songs(neighbours={0: 5}).known_pairs(chosen, chosen)
    expected = [[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 1]]
    assert known.astype(int).tolist() == expected


def test_one_song_cannot_be_trained_on() -> None:
    with pytest.raises(ModelError, match="at least 2"):
        _draw(_songs(1), _config())


def test_similarity_is_the_larger_of_both_directions() -> None:
    matrix = csr_array(([0.2, 0.7, 0.4], ([0, 2, 1], [2, 0, 0])), shape=(3, 3))
    features = [np.zeros((50, 4), np.float16)] * 3
    songs = TrainingSongs(features, np.arange(3), matrix, np.zeros((3, 2), np.float32))
    found = songs.similarity(np.array([0, 1]), np.array([2, 0]))
    assert np.array_equal(found, np.array([[0.7, 0.0], [0.0, 0.4]], np.float32))


def test_segments_held_on_the_device_are_those_cut_from_the_files() -> None:
    rng = np.random.default_rng(0)
    features = [rng.normal(size=(n, 4)).astype(np.float16) for n in (50, 9, 33)]
    songs, starts = np.array([2, 0, 1, 0]), np.array([13, 30, 0, 7])
    mapped, held = (kind(features, CPU).cut(songs, starts, 20) for kind in (MappedSegments, DeviceSegments))
    assert torch.equal(mapped, held)
