"""What is trained beside the encoder: projection, scales, queue."""

import numpy as np
import torch
from torch import nn

from simsong_pipeline.config import LossConfig
from simsong_pipeline.learning.song_model import SongModel
from simsong_pipeline.lyrics.whitening import Whitening


def _model(queue: int = 5, **loss: object) -> SongModel:
    return SongModel(nn.Identity(), 3, 4, LossConfig.model_validate(loss), queue)


def test_projection_begins_as_the_identity() -> None:
    lyrics = nn.functional.normalize(torch.randn(6, 4), dim=1)
    assert torch.allclose(_model().project(lyrics), lyrics, atol=1e-6)


def test_song_without_lyrics_stays_without() -> None:
    model = _model()
    nn.init.normal_(model.projection.weight)
    assert torch.equal(model.project(torch.zeros(2, 4)), torch.zeros(2, 4))


def test_learned_projection_folds_into_the_whitening() -> None:
    rng, model = np.random.default_rng(0), _model()
    nn.init.normal_(model.projection.weight)
    whitening = Whitening(rng.normal(size=8).astype(np.float32), rng.normal(size=(8, 4)).astype(np.float32))
    raw = rng.normal(size=(5, 8)).astype(np.float32)
    expected = model.project(torch.from_numpy(whitening.apply(raw))).detach().numpy()
    np.testing.assert_allclose(whitening.then(model.lyric_matrix()).apply(raw), expected, atol=1e-5)


def test_queue_holds_the_latest_views_and_whose_they_are() -> None:
    model = _model(queue=5)
    for song in range(4):
        model.remember(torch.full((2, 3), float(song)), np.array([song, song]))
    views, songs = model.queued()
    assert songs.tolist() == [1, 2, 2, 3, 3]
    assert views[:, 0].tolist() == [1, 2, 2, 3, 3]


def test_empty_places_of_the_queue_are_left_out() -> None:
    model = _model(queue=5)
    model.remember(torch.ones(2, 3), np.array([7, 8]))
    assert model.queued()[1].tolist() == [7, 8]


def test_temperature_is_trained_only_where_wanted() -> None:
    assert not _model().log_scale.requires_grad
    assert _model(learn_temperature=True).log_scale.requires_grad


def test_scale_is_the_inverse_of_the_temperature_and_bounded() -> None:
    assert torch.isclose(_model(temperature=0.1).scale, torch.tensor(10.0))
    assert torch.isclose(_model(temperature=0.001).scale, torch.tensor(100.0))
