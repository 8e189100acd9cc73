"""Trains a recipe on a prepared catalogue and keeps the vectors of all its songs; resumable."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from benchmarks.quality.datasets import Prepared
from benchmarks.quality.decoded import log_mels, waveforms
from benchmarks.quality.recipes import Recipe
from benchmarks.quality.sample_cnn import SampleCnn
from simsong_pipeline.audio.feature_format import feature_format, hears_by_body, hears_events
from simsong_pipeline.audio.segments import input_frames
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation.fusion import SongVectors
from simsong_pipeline.files import write_bytes
from simsong_pipeline.home.hearing import body_features
from simsong_pipeline.learning.batches import SegmentViews, TrainingSongs
from simsong_pipeline.learning.training.loop import Trainee, train
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.stages.encoders import on_training_device, trainee_of, training_of
from simsong_pipeline.stages.gate import compare_with_start
from simsong_pipeline.stages.readiness import waits_for
from simsong_pipeline.stages.training_stage import recipe_of
from simsong_pipeline.stages.validation import SongFeatures, Validator, embed_songs

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


@dataclass(frozen=True)
class _Heard:
    """What a recipe hears.

    Attributes:
        known: features of the training and validation songs.
        test: of the songs of the gallery.
        trainee: what is trained on them.
        start: of a head on a body or an encoder of events; null for the encoders of log-mels.
    """

    known: SongFeatures
    test: SongFeatures
    trainee: Trainee
    start: Whitening | None = None


def trained_songs(prepared: Prepared, recipe: Recipe, tell: Callable[[str], None], progress: Progress) -> TrainedSongs:
    """Train, or read what was trained before with this very recipe and seed.

    Args:
        tell: is told what became of a head beside its start.
    """
    config = recipe.applied(prepared.config)
    kind = "" if recipe.head == "gated" else f"-{recipe.head}"
    path = prepared.folder / f"{recipe_of(recipe.variant, config)}{kind}.safetensors"
    if not path.is_file():
        write_bytes(path, save(_train(path.with_suffix(".checkpoint"), prepared, recipe, config, tell, progress)))
    stored = load_file(path)
    known, test = (SongVectors(stored[f"{p}_audio"], stored[f"{p}_lyrics"]) for p in ("known", "test"))
    return TrainedSongs(known, test, float(stored["audio_weight"][0]))


def _train(
    checkpoint: Path,
    prepared: Prepared,
    recipe: Recipe,
    config: PipelineConfig,
    tell: Callable[[str], None],
    progress: Progress,
) -> dict[str, NDArray[np.float32]]:
    heard = _heard(prepared, recipe, config)
    parts, encoder = prepared.parts, heard.trainee.build()
    validator = Validator(parts, config, heard.known)
    lyric_matrix = np.eye(parts.whitening.projection.shape[1], dtype=np.float32)
    if heard.start is None or _head_pays(heard.start, prepared, recipe, config, tell):
        own = replace(parts.training_songs(), features=[heard.known[t] for t in parts.train])
        songs = _with_unlabelled(own, prepared, heard.test)
        validate = validator.recall if validator.task is not None else None
        how = training_of(config, heard.start)
        trained = train(songs, heard.trainee, recipe.variant, how, validate, progress, checkpoint)
        encoder.load_state_dict(trained.weights)
        lyric_matrix = trained.lyric_matrix
    encoder = on_training_device(encoder, config)
    weight, _ = validator.audio_weight(validator.vectors(encoder, lyric_matrix))
    tensors = {
        "audio_weight": np.array([weight], np.float32),
        "known_audio": embed_songs(encoder, heard.known, parts.known, config),
        "known_lyrics": parts.projected(parts.known, lyric_matrix),
        "test_audio": embed_songs(encoder, heard.test, prepared.test, config),
        "test_lyrics": parts.projected(prepared.test, lyric_matrix),
    }
    checkpoint.unlink(missing_ok=True)
    return tensors


def _heard(prepared: Prepared, recipe: Recipe, config: PipelineConfig) -> _Heard:
    if recipe.waveform:
        samples = waveforms(prepared.audio, config)
        frames = input_frames(config)
        trainee = Trainee(
            lambda: SampleCnn(config.encoder, 1, frames),
            lambda features, device: SegmentViews(features, frames, device),
            config.encoder.embedding_dim,
            ["SampleCNN", config.encoder.model_dump()],
        )
        return _Heard(samples, samples, trainee)
    if hears_by_body(config) or hears_events(config):
        start, _ = prepared.parts.fit_start(body_features(config))
        return _Heard(prepared.parts.features, prepared.features, trainee_of(config, start), start)
    if feature_format(config) == feature_format(prepared.config):
        return _Heard(prepared.parts.features, prepared.features, trainee_of(config, None))
    spectrograms = log_mels(prepared.audio, config, config.log_mel)
    return _Heard(spectrograms, spectrograms, trainee_of(config, None))


def _head_pays(
    start: Whitening, prepared: Prepared, recipe: Recipe, config: PipelineConfig, tell: Callable[[str], None]
) -> bool:
    """Whether a head is to be trained: by the product's rule, unless the recipe decides by itself."""
    if recipe.head != "gated":
        return recipe.head == "always"
    waits = waits_for(prepared.parts, config.train.seed)
    if waits:
        tell(f"    the start, because training waits for {waits}")
        return False
    gain = compare_with_start(prepared.parts, recipe.variant, start, config)
    taken = "the head" if gain.ci_low > 0 else "the start"
    tell(f"    {taken}: cross-validated {gain.difference:+.3f} ({gain.ci_low:+.3f} to {gain.ci_high:+.3f})")
    return gain.ci_low > 0


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
