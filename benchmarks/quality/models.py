"""Trains a recipe on a prepared catalogue and keeps the vectors of all its songs; resumable."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from benchmarks.quality.datasets import Prepared
from benchmarks.quality.recipes import Recipe
from benchmarks.quality.sample_cnn import SampleCnn, Waveforms
from simsong_pipeline.audio.segments import segment_frames
from simsong_pipeline.batches import TrainingSongs
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.evaluation.fusion import SongVectors
from simsong_pipeline.files import write_bytes
from simsong_pipeline.pipeline.training_stage import recipe_of
from simsong_pipeline.pipeline.validation import SongFeatures, Validator, embed_songs
from simsong_pipeline.training.loop import BuildEncoder, pick_device, train

Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class TrainedSongs:
    """Vectors of the songs that training knew and of the test songs, and the fusion weight it chose.

    Attributes:
        known: training and validation songs, rows as in `CatalogueParts.known`.
        test: rows as in `Prepared.test`.
    """

    known: SongVectors
    test: SongVectors
    audio_weight: float


def trained_songs(prepared: Prepared, recipe: Recipe, progress: Progress) -> TrainedSongs:
    """Train, or read what was trained before with this very recipe and seed."""
    config = recipe.applied(prepared.config)
    path = prepared.folder / f"{recipe_of(recipe.variant, config)}.safetensors"
    if not path.is_file():
        write_bytes(path, save(_train(path.with_suffix(".checkpoint"), prepared, recipe, config, progress)))
    stored = load_file(path)
    known, test = (SongVectors(stored[f"{p}_audio"], stored[f"{p}_lyrics"]) for p in ("known", "test"))
    return TrainedSongs(known, test, float(stored["audio_weight"][0]))


def _train(
    checkpoint: Path, prepared: Prepared, recipe: Recipe, config: PipelineConfig, progress: Progress
) -> dict[str, NDArray[np.float32]]:
    build: BuildEncoder = AudioEncoder
    known: SongFeatures = prepared.parts.features
    heard: SongFeatures = prepared.features
    if recipe.waveform:
        build, known = SampleCnn, Waveforms(prepared.audio, config)
        heard = known
    parts, length = prepared.parts, segment_frames(config.segments, config.log_mel)
    validator = Validator(parts, config, known)
    songs = _with_unlabelled(replace(parts.training_songs(), features=[known[t] for t in parts.train]), prepared, heard)
    validate = validator.recall if validator.task is not None else None
    trained = train(songs, length, recipe.variant, config.encoder, config.train, validate, progress, checkpoint, build)
    encoder = build(config.encoder, songs.features[0].shape[1], length).eval()
    encoder.load_state_dict(trained.weights)
    encoder.to(pick_device(config.train.device))
    weight, _ = validator.audio_weight(validator.vectors(encoder, trained.lyric_matrix))
    tensors = {
        "audio_weight": np.array([weight], np.float32),
        "known_audio": embed_songs(encoder, known, parts.known, config),
        "known_lyrics": parts.projected(parts.known, trained.lyric_matrix),
        "test_audio": embed_songs(encoder, heard, prepared.test, config),
        "test_lyrics": parts.projected(prepared.test, trained.lyric_matrix),
    }
    checkpoint.unlink(missing_ok=True)
    return tensors


def _with_unlabelled(songs: TrainingSongs, prepared: Prepared, heard: SongFeatures) -> TrainingSongs:
    """The training songs and those of which only the audio is known: each by an artist of its own, without lyrics."""
    if not prepared.unlabelled:
        return songs
    more = [heard[t] for t in prepared.test]
    artists = songs.artist.max() + 1 + np.arange(len(more))
    silent = np.zeros((len(more), songs.lyrics.shape[1]), np.float32)
    neighbours = songs.neighbours.copy()
    total = len(songs) + len(more)
    neighbours.resize(total, total)
    return TrainingSongs(
        [*songs.features, *more],
        np.concatenate([songs.artist, artists]),
        neighbours,
        np.concatenate([songs.lyrics, silent]),
    )
