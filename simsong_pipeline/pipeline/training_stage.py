"""Trains a variant on the training part of the catalogue and keeps its best weights with their record."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from safetensors.torch import load_file

from simsong_pipeline.audio.segments import segment_frames
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.errors import ModelError
from simsong_pipeline.evaluation.comparison import Comparison, compare
from simsong_pipeline.evaluation.fusion import SongVectors, with_hubness
from simsong_pipeline.files import sha256_of
from simsong_pipeline.pipeline.model_files import ModelFiles, Refusal, TrainingRecord
from simsong_pipeline.pipeline.training_data import CatalogueParts, TrainingFrames, data_version
from simsong_pipeline.pipeline.validation import Validator, embed_songs
from simsong_pipeline.pipeline.workspace import Workspace
from simsong_pipeline.training.checkpoint import save_encoder
from simsong_pipeline.training.loop import TrainedEncoder, pick_device, train
from simsong_pipeline.training.processes import is_alone, is_first_process

Progress = Callable[[int, int, dict[str, float]], None]
_REFERENCES = 2_000


@dataclass(frozen=True)
class TrainingOutcome:
    """The model that serves from here on, and how it came to.

    Attributes:
        trained_now: a model was trained in this call, promoted or not.
        promoted: it took the place of the one before, or was the first.
        stale: the catalogue changed since the serving model was trained.
        verdict: how the candidate compares, empty where there was nothing to compare.
        speed: segments_per_s and utilisation of the training in this call.
    """

    record: TrainingRecord
    trained_now: bool
    promoted: bool
    stale: bool
    verdict: str = ""
    speed: dict[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Numbers for a log or an asset's metadata."""
        record = self.record
        last = record.history[-1]
        recall = float("nan") if record.validation_recall is None else record.validation_recall
        return {
            "songs": record.songs,
            "best_step": record.best_step,
            "validation_recall": recall,
            "audio_weight": record.audio_weight,
            "loss": last["loss"],
            "weight_spread": last["weight_spread"],
            "trained_now": float(self.trained_now),
            "promoted": float(self.promoted),
            "stale": float(self.stale),
            **self.speed,
        }


def train_variant(
    workspace: Workspace,
    variant: Variant,
    frames: TrainingFrames,
    config: PipelineConfig,
    progress: Progress,
    retrain: bool = False,
    promote_anyway: bool = False,
) -> TrainingOutcome:
    """Train, or take over the present model when its recipe is the same.

    A catalogue that grew does not call for a new model by itself: embedding the new songs with the present
    one is what a night should cost. `retrain` asks for one. What was trained replaces the present model unless it is
    worse on the validation songs; a refused one is not trained again from the same recipe, data and seed.
    """
    files, recipe, data = ModelFiles(workspace.model(variant)), recipe_of(variant, config), data_version(frames)
    if is_first_process():
        with workspace.lock():
            files.recover()
    present = _present(files, retrain)
    waiting = promote_anyway and _lying(files.candidate, recipe, data) is not None
    if present is not None and not retrain and not waiting:
        refusal = files.refusal()
        if files.is_chosen():
            return TrainingOutcome(
                present,
                False,
                False,
                present.data != data,
                f"{variant.upper()} stays as rolled back; --retrain trains anew",
            )
        if present.recipe == recipe:
            return TrainingOutcome(present, False, False, present.data != data)
        if refusal is not None and (refusal.recipe, refusal.data) == (recipe, data):
            return TrainingOutcome(present, False, False, present.data != data, refusal.text)
    parts = CatalogueParts(workspace, frames, config)
    validator = Validator(parts, config)
    record, speed = _candidate(workspace, files.candidate, variant, recipe, data, parts, validator, config, progress)
    if not is_first_process():
        return TrainingOutcome(record, True, True, False, speed=speed)
    comparison = _compared(files, present, validator, config)
    if comparison is not None and comparison.worse and not promote_anyway:
        assert present is not None
        text = f"the new {variant.upper()} is {comparison.text}; the present model stays. "
        text += f"--promote-anyway takes it nevertheless; it lies in {files.candidate.folder}"
        with workspace.lock():
            files.refuse_candidate(Refusal(recipe, data, config.train.seed, text))
        return TrainingOutcome(present, bool(speed), False, present.data != data, text, speed)
    with workspace.lock():
        files.promote_candidate()
    verdict = "" if comparison is None else f"the new {variant.upper()} is {comparison.text}"
    return TrainingOutcome(record, bool(speed), True, False, verdict, speed)


def _present(files: ModelFiles, retrain: bool) -> TrainingRecord | None:
    """The record of the model in use; a damaged one counts as none for those who ask for a new one."""
    try:
        return files.training()
    except ModelError:
        if not retrain:
            raise
        return None


def _lying(files: ModelFiles, recipe: str, data: str) -> TrainingRecord | None:
    """A complete candidate of this recipe and these data.

    Never under `torchrun`: there the processes would each look for themselves, while the first one moves it.
    """
    if not is_alone():
        return None
    found = files.training()
    return found if found is not None and (found.recipe, found.data) == (recipe, data) else None


def _candidate(
    workspace: Workspace,
    files: ModelFiles,
    variant: Variant,
    recipe: str,
    data: str,
    parts: CatalogueParts,
    validator: Validator,
    config: PipelineConfig,
    progress: Progress,
) -> tuple[TrainingRecord, dict[str, float]]:
    """Train into the candidate's folder; one that lies there complete, of this recipe and these data, is taken.

    Returns:
        The record, and the speed of training, empty where there was none.
    """
    lying = _lying(files, recipe, data)
    if lying is not None:
        return lying, {}
    trained = train(
        parts.training_songs(),
        segment_frames(config.segments, config.log_mel),
        variant,
        config.encoder,
        config.train,
        validator.recall if validator.task is not None else None,
        progress,
        files.checkpoint,
    )
    encoder = trained_encoder(trained, config)
    references = _references(parts, encoder, trained, config)
    vectors = with_hubness(validator.vectors(encoder, trained.lyric_matrix), references)
    record = _record(variant, recipe, parts, validator, vectors, trained, config)
    if is_first_process():
        with workspace.lock():
            files.forget_training()
            save_encoder(files.encoder, trained.weights)
            files.write_training(record, parts.whitening.then(trained.lyric_matrix), references, config)
            files.checkpoint.unlink(missing_ok=True)
    return record, trained.speed


def _compared(
    files: ModelFiles, present: TrainingRecord | None, validator: Validator, config: PipelineConfig
) -> Comparison | None:
    """The candidate against the present model on today's validation songs.

    Null where that cannot be asked: there is no present model, no validation query, or the present model wants other
    features, lyric vectors or another split than are configured, or was trained on today's validation or test songs, so
    that it cannot be used or judged any longer either.
    """
    if present is None or validator.task is None:
        return None
    if validator.knows_test_or_trained_on(present.tracks, present.validation):
        return None
    before = files.config()
    needed = ("log_mel", "segments", "splits")
    if any(getattr(before, name) != getattr(config, name) for name in needed):
        return None
    if before.lyrics.model_copy(update={"batch_size": config.lyrics.batch_size}) != config.lyrics:
        return None
    recalls = [
        validator.recalls(
            with_hubness(validator.vectors_of(load_encoder(model, config), model.whitening()), model.references()),
            record.audio_weight,
            record.hubness,
        )
        for model, record in ((files.candidate, files.candidate.training()), (files, present))
        if record is not None
    ]
    return compare(recalls[0], recalls[1], config.evaluation.bootstrap, config.evaluation.seed)


def load_encoder(files: ModelFiles, config: PipelineConfig) -> AudioEncoder:
    """A model's encoder on the training device, ready to embed."""
    own = files.config()
    encoder = AudioEncoder(own.encoder, own.log_mel.n_mels, segment_frames(own.segments, own.log_mel)).eval()
    encoder.load_state_dict(load_file(files.encoder))
    return encoder.to(pick_device(config.train.device))


def recipe_of(variant: Variant, config: PipelineConfig) -> str:
    """Hash of what a model depends on in the configuration; data are not part of it."""
    parts = (config.log_mel, config.segments, config.splits, config.encoder, config.train, config.lyrics)
    dumped = [part.model_dump(exclude={"batch_size"} if part is config.lyrics else None) for part in parts]
    return sha256_of(variant, dumped, config.evaluation.k, config.evaluation.relevance)[:16]


def _record(
    variant: Variant,
    recipe: str,
    parts: CatalogueParts,
    validator: Validator,
    vectors: SongVectors,
    trained: TrainedEncoder,
    config: PipelineConfig,
) -> TrainingRecord:
    weight, recalls = validator.audio_weight(vectors)
    artist_of = dict(parts.frames.tracks.select("track_id", "artist_id").rows())
    return TrainingRecord(
        variant=variant,
        recipe=recipe,
        data=data_version(parts.frames),
        seed=config.train.seed,
        best_step=trained.best_step,
        validation_recall=trained.best_recall,
        lyric_temperature=trained.lyric_temperature,
        audio_weight=weight,
        hubness=_hubness(validator, vectors, weight, config),
        fusion_recalls={str(w): r for w, r in recalls.items()},
        history=trained.history,
        artists=sorted({artist_of[t] for t in parts.known}),
        tracks=parts.known,
        validation=parts.validation,
        songs=len(parts.train),
    )


def _hubness(validator: Validator, vectors: SongVectors, weight: float, config: PipelineConfig) -> float:
    """1 where the correction for hubs gains on validation by more than its interval, else 0."""
    if validator.task is None:
        return 0.0
    without, corrected = (validator.recalls(vectors, weight, strength) for strength in (0.0, 1.0))
    return float(compare(corrected, without, config.evaluation.bootstrap, config.evaluation.seed).ci_low > 0)


def _references(
    parts: CatalogueParts, encoder: AudioEncoder, trained: TrainedEncoder, config: PipelineConfig
) -> SongVectors:
    """Vectors of training songs, at most `_REFERENCES` of them, drawn with the seed of training."""
    count = min(_REFERENCES, len(parts.train))
    drawn = np.random.default_rng(config.train.seed).choice(len(parts.train), count, replace=False)
    ids = [parts.train[n] for n in sorted(drawn.tolist())]
    return SongVectors(embed_songs(encoder, parts.features, ids, config), parts.projected(ids, trained.lyric_matrix))


def trained_encoder(trained: TrainedEncoder, config: PipelineConfig) -> AudioEncoder:
    """The encoder of a training on the training device, ready to embed."""
    encoder = AudioEncoder(
        config.encoder, config.log_mel.n_mels, segment_frames(config.segments, config.log_mel)
    ).eval()
    encoder.load_state_dict(trained.weights)
    return encoder.to(pick_device(config.train.device))
