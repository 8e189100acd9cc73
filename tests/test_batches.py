"""Batches: reproducible, paired rightly, with the right pairs left out."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from simsong_pipeline.batches import TrainingSongs, augment, draw_batch
from simsong_pipeline.config import AugmentConfig, TrainConfig
from simsong_pipeline.errors import ModelError

STILL = AugmentConfig(gain_db=0, equaliser_db=0, noise_db=0, time_mask=0, mel_mask=0)


def _songs(n: int = 10, neighbours: dict[int, int] | None = None) -> TrainingSongs:
    """Song i has the value i everywhere in its features."""
    pairs = neighbours or {}
    matrix = csr_array((np.ones(len(pairs)), (list(pairs), list(pairs.values()))), shape=(n, n))
    features = [np.full((50, 4), i, np.float16) for i in range(n)]
    return TrainingSongs(features, np.arange(n) // 2, matrix, np.zeros((n, 3), np.float32))


def _config(**changes: object) -> TrainConfig:
    return TrainConfig.model_validate({"batch_size": 4, "augment": STILL} | changes)


def test_same_step_draws_the_same_batch() -> None:
    first, second = (draw_batch(_songs(), 20, TrainConfig(batch_size=4), 3) for _ in range(2))
    assert np.array_equal(first.songs, second.songs)
    assert first.log_mel.equal(second.log_mel)


@pytest.mark.parametrize("other", [{"step": 4}, {"step": 3, "rank": 1}])
def test_other_step_or_rank_draws_another_batch(other: dict[str, int]) -> None:
    first = draw_batch(_songs(), 20, TrainConfig(batch_size=4), step=3)
    second = draw_batch(_songs(), 20, TrainConfig(batch_size=4), **other)
    assert not first.log_mel.equal(second.log_mel)


def test_segments_are_of_the_songs_they_are_said_to_be() -> None:
    batch = draw_batch(_songs(), 20, _config(), 0)
    assert batch.log_mel[:, 0, 0].tolist() == batch.songs.tolist()


def test_songs_of_a_batch_are_different() -> None:
    batch = draw_batch(_songs(), 20, _config(batch_size=8), 0)
    assert len(set(batch.songs[:8].tolist())) == 8


@pytest.mark.parametrize(("share", "partner"), [(1.0, 7), (0.0, 3)])
def test_second_view_is_of_a_neighbour_in_the_wanted_share(share: float, partner: int) -> None:
    songs = _songs(neighbours={3: 7})
    batch = draw_batch(songs, 20, _config(batch_size=10, neighbour_share=share), 0)
    row = batch.songs[:10].tolist().index(3)
    assert batch.songs[row + 10] == partner


def test_known_pairs_are_same_artist_or_neighbours_in_either_direction() -> None:
    known = _songs(neighbours={0: 5}).known_pairs(np.array([0, 1, 4, 5]))
    expected = [[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 1]]
    assert known.astype(int).tolist() == expected


def test_one_song_cannot_be_trained_on() -> None:
    with pytest.raises(ModelError, match="at least 2"):
        draw_batch(_songs(1), 20, _config(), 0)


def test_no_augmentation_changes_nothing() -> None:
    views = np.random.default_rng(0).normal(size=(3, 20, 8)).astype(np.float32)
    assert np.array_equal(augment(views, np.random.default_rng(0), STILL), views)


def test_gain_shifts_a_view_as_a_whole() -> None:
    views = np.zeros((5, 20, 8), np.float32)
    changed = augment(views, np.random.default_rng(0), STILL.model_copy(update={"gain_db": 6.0}))
    assert np.ptp(changed, axis=(1, 2)).max() == 0
    assert 0 < np.abs(changed).max() <= 6


def test_masks_cover_no_more_than_their_share() -> None:
    views = np.random.default_rng(1).normal(size=(50, 40, 20)).astype(np.float32)
    changed = augment(views, np.random.default_rng(0), STILL.model_copy(update={"time_mask": 0.25}))
    masked = (changed != views).all(axis=2).mean(axis=1)
    assert 0.2 < masked.max() <= 0.25
