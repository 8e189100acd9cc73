"""Fused scores, the weight's choice, and that the index computes the same."""

import numpy as np
import pytest

from simsong_pipeline.evaluation.fusion import (
    SongVectors,
    choose_audio_weight,
    fused_scores,
    with_hubness,
    with_stand_in,
)
from simsong_pipeline.evaluation.hubness import csls
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.task import build_task
from simsong_pipeline.points import fusion_query, song_vector


def _unit(rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    vectors = rng.normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _vectors(rows: int = 12) -> SongVectors:
    rng = np.random.default_rng(0)
    lyrics = _unit(rng, rows, 3)
    lyrics[[2, 5]] = 0
    return SongVectors(_unit(rng, rows, 4), lyrics)


def _stored(vectors: SongVectors) -> np.ndarray:
    hubness = np.zeros((len(vectors.audio), 2)) if vectors.hubness is None else vectors.hubness
    rows = zip(vectors.audio, vectors.lyrics, hubness.tolist(), strict=True)
    return np.stack([song_vector(a, w if w.any() else None, 3, tuple(h), vectors.stand_in) for a, w, h in rows])


@pytest.mark.parametrize("hubness", [0.0, 1.0, 0.4])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_dot_product_in_the_index_is_the_fused_score(weight: float, hubness: float) -> None:
    songs = _vectors(40)
    vectors = with_stand_in(with_hubness(songs, songs, 3), songs, weight, 3)
    stored = _stored(vectors)
    queries = np.stack([fusion_query(row, 4, weight, hubness) for row in stored])
    np.testing.assert_allclose(queries @ stored.T, fused_scores(vectors, weight, hubness), atol=1e-6)


def test_corrected_query_by_audio_ranks_as_csls() -> None:
    songs = _vectors(40)
    vectors = with_hubness(songs, songs, 5)
    stored = _stored(vectors)
    queries = np.stack([fusion_query(row, 4, 1.0, 1.0) for row in stored])
    expected = csls(songs.audio @ songs.audio.T, 5)
    difference = 2 * (queries @ stored.T) - expected
    # What is left over is the query's own term, the same for all candidates.
    np.testing.assert_allclose(difference, np.broadcast_to(difference[:, :1], difference.shape), atol=1e-5)


def test_reference_is_not_its_own_neighbour() -> None:
    songs = _vectors()
    cosines = songs.audio @ songs.audio.T
    nearest = np.sort(cosines - 2 * np.eye(12), axis=1)[:, -1]
    hubness = with_hubness(songs, songs, 1).hubness
    assert hubness is not None
    np.testing.assert_allclose(hubness[:, 0], nearest, atol=1e-6)


def test_without_references_there_is_no_hubness() -> None:
    nothing = SongVectors(np.zeros((0, 4), np.float32), np.zeros((0, 3), np.float32))
    assert not np.any(with_hubness(_vectors(), nothing).hubness)


def test_query_without_lyrics_goes_by_audio_alone() -> None:
    vectors = _vectors()
    np.testing.assert_allclose(fused_scores(vectors, 0.2)[2], vectors.audio[2] @ vectors.audio.T, rtol=1e-6)


def test_weight_goes_to_the_modality_that_knows() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(4), 5)
    centres = _unit(rng, 4, 8)
    knowing = centres[groups] + 0.1 * rng.normal(size=(20, 8)).astype(np.float32)
    knowing /= np.linalg.norm(knowing, axis=1, keepdims=True)
    relevant = groups[:, None] == groups[None]
    task, noise = build_task(relevant), _unit(rng, 20, 8)
    assert choose_audio_weight(SongVectors(knowing, noise), task, 4)[0] > 0.5
    assert choose_audio_weight(SongVectors(noise, knowing), task, 4)[0] < 0.5


def test_weight_is_even_when_nothing_tells_them_apart() -> None:
    vectors = _unit(np.random.default_rng(0), 6, 4)
    without = SongVectors(vectors, np.zeros((6, 4), np.float32))
    assert choose_audio_weight(without, build_task(np.ones((6, 6), bool)), 2)[0] == 0.5


def _catalogue(rows: int, seed: int) -> SongVectors:
    """Songs whose audio and lyrics say nothing of each other, every fifth without lyrics."""
    rng = np.random.default_rng(seed)
    lyrics = _unit(rng, rows, 12)
    lyrics[::5] = 0
    return SongVectors(_unit(rng, rows, 12), lyrics)


@pytest.mark.parametrize("weight", [0.3, 0.5, 0.8])
def test_songs_without_lyrics_are_named_as_often_as_there_are(weight: float) -> None:
    songs, references = _catalogue(600, 1), _catalogue(600, 2)
    task = build_task(np.ones((600, 600), bool))
    without = ~np.any(songs.lyrics, axis=1)

    def share(vectors: SongVectors) -> float:
        return float(without[top_k(fused_scores(vectors, weight), task, 10)[~without]].mean())

    assert share(songs) < 0.17
    assert share(with_stand_in(songs, references, weight)) == pytest.approx(0.2, abs=0.03)


def test_lyrics_stand_in_is_what_the_kth_song_needs() -> None:
    references = _catalogue(30, 3)
    sung = references.lyrics.any(axis=1)
    audio, lyrics = (part[sung].astype(np.float64) for part in (references.audio, references.lyrics))
    needed = []
    for song in range(len(audio)):
        others = [n for n in range(len(audio)) if n != song]
        by_audio = sorted((float(audio[song] @ audio[n]) for n in others), reverse=True)
        fused = sorted(float(0.4 * audio[song] @ audio[n] + 0.6 * lyrics[song] @ lyrics[n]) for n in others)[::-1]
        needed.append((fused[4] - 0.4 * by_audio[4]) / 0.6)
    assert with_stand_in(references, references, 0.4, 5).stand_in == pytest.approx(np.mean(needed), abs=1e-6)


@pytest.mark.parametrize(("rows", "weight"), [(8, 0.5), (40, 1.0)])
def test_nothing_stands_in_for_lyrics_that_do_not_count_or_are_too_few(rows: int, weight: float) -> None:
    assert with_stand_in(_catalogue(rows, 0), _catalogue(rows, 0), weight).stand_in == 0
