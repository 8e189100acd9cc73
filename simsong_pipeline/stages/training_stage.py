"""Gives a variant its model: the untrained start, or what training made of it, whichever is better on validation."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from torch import nn

from simsong_pipeline.audio import event_statistics
from simsong_pipeline.audio.body_layout import start_weights
from simsong_pipeline.audio.feature_format import feature_format, hears_events, keeps_log_mels
from simsong_pipeline.audio.segments import segmentation
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.errors import ModelError
from simsong_pipeline.evaluation.comparison import Comparison, compare
from simsong_pipeline.evaluation.fusion import SongVectors, with_hubness
from simsong_pipeline.files import sha256_of
from simsong_pipeline.home.hearing import body_features
from simsong_pipeline.home.model_files import ModelFiles, Refusal, TrainingRecord
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.learning.training.checkpoint import save_encoder
from simsong_pipeline.learning.training.loop import TrainedEncoder, train
from simsong_pipeline.learning.training.processes import is_alone, is_first_process
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.stages.drawn_features import with_drawn_features, with_known_features
from simsong_pipeline.stages.encoders import (
    build_encoder,
    on_training_device,
    read_encoder,
    trainee_of,
    training_of,
)
from simsong_pipeline.stages.gate import compare_with_start
from simsong_pipeline.stages.readiness import has_outgrown, lyrics_differ, waits_for
from simsong_pipeline.stages.training_data import CatalogueParts, TrainingFrames, data_version
from simsong_pipeline.stages.validation import Validator, embed_songs

Progress = Callable[[int, int, dict[str, float]], None]
_REFERENCES = 2_000


@dataclass(frozen=True)
class TrainingOutcome:
    """The model that serves from here on, and how it came to.

    Attributes:
        trained_now: a model was made in this call, promoted or not.
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
        last = record.history[-1] if record.history else {}
        nothing = float("nan")
        return {
            "songs": record.songs,
            "best_step": record.best_step,
            "validation_recall": nothing if record.validation_recall is None else record.validation_recall,
            "audio_weight": record.audio_weight,
            "loss": last.get("loss", nothing),
            "weight_spread": last.get("weight_spread", nothing),
            "trained_now": float(self.trained_now),
            "promoted": float(self.promoted),
            "stale": float(self.stale),
            **self.speed,
        }


@dataclass(frozen=True)
class _Order:
    """What is to be trained, and on what."""

    workspace: Workspace
    variant: Variant
    config: PipelineConfig
    recipe: str
    data: str
    parts: CatalogueParts
    validator: Validator


def train_variant(run: Run, variant: Variant, frames: TrainingFrames) -> TrainingOutcome:
    """Train, or take over the present model when its recipe is the same.

    On a body the untrained start comes first, and what training makes of it is served only where it is better on
    enough validation songs; where there is too little to learn from, the start is served and tried again when there
    is more. A catalogue that grew does not call for a new model by itself otherwise: embedding the new songs with the
    present one is what a night should cost. The wish `retrain` asks for one. What was made replaces the present
    model unless it is worse on the validation songs; a refused one is not trained again from the same recipe, data and
    seed.
    """
    workspace, config = run.workspace, run.config
    retrain, promote_anyway = run.wishes.retrain, run.wishes.promote_anyway
    files, recipe, data = ModelFiles(workspace.model(variant)), recipe_of(variant, config), data_version(frames)
    if is_first_process():
        with workspace.lock():
            files.recover()
    present = _present(files, retrain)
    waiting = promote_anyway and _lying(files.candidate, recipe, data) is not None
    parts: CatalogueParts | None = None
    if present is not None and not retrain and not waiting:
        kept = _kept(files, present, variant, recipe, data)
        if kept is not None and (kept.verdict or not present.is_start or present.data == data):
            return kept
        parts = CatalogueParts(workspace, with_known_features(run, frames), config)
        if kept is not None and not _is_due(present, parts, config.train.seed):
            return kept
        frames = parts.frames
    drawn = with_drawn_features(run, frames)
    if parts is None or drawn is not parts.frames:
        parts = CatalogueParts(workspace, drawn, config)
    order = _Order(workspace, variant, config, recipe, data, parts, Validator(parts, config))
    record, speed = _candidate(order, files.candidate, run.events.training_progress)
    if not is_first_process():
        return TrainingOutcome(record, True, True, False, speed=speed)
    comparison = _compared(files, present, order)
    if comparison is not None and comparison.worse and not promote_anyway:
        assert present is not None
        text = f"the new {variant.upper()} is {comparison.text}; the present model stays. "
        text += f"--promote-anyway takes it nevertheless; it lies in {files.candidate.folder}"
        with workspace.lock():
            files.refuse_candidate(Refusal(recipe, data, config.train.seed, text))
        return TrainingOutcome(present, bool(speed), False, present.data != data, text, speed)
    with workspace.lock():
        files.promote_candidate()
    said = [record.note] if record.note else []
    said += [] if comparison is None else [f"the new {variant.upper()} is {comparison.text}"]
    return TrainingOutcome(record, bool(speed), True, False, "; ".join(said), speed)


def _kept(
    files: ModelFiles, present: TrainingRecord, variant: Variant, recipe: str, data: str
) -> TrainingOutcome | None:
    """The present model where nothing calls for another one, but perhaps a start that has more to learn from now."""
    stale = present.data != data
    if files.is_chosen():
        return TrainingOutcome(
            present, False, False, stale, f"{variant.upper()} stays as rolled back; --retrain trains anew"
        )
    if present.recipe == recipe:
        return TrainingOutcome(present, False, False, stale)
    refusal = files.refusal()
    if refusal is not None and (refusal.recipe, refusal.data) == (recipe, data):
        return TrainingOutcome(present, False, False, stale, refusal.text)
    return None


def _is_due(present: TrainingRecord, parts: CatalogueParts, seed: int) -> bool:
    """Whether a start should be fitted anew, or trained upon for the first time."""
    return has_outgrown(present.fitted, parts.songs) or (not present.tried and not waits_for(parts, seed))


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


def _candidate(order: _Order, files: ModelFiles, progress: Progress) -> tuple[TrainingRecord, dict[str, float]]:
    """Make the model in the candidate's folder; one that lies there complete, of this recipe and these data, is taken.

    Returns:
        The record, and the speed of training, empty where there was none.
    """
    lying = _lying(files, order.recipe, order.data)
    if lying is not None:
        return lying, {}
    twin = _twin(order)
    if twin is not None:
        return _taken_over(order, twin, files), {}
    start, fitted = _start(order)
    waits = waits_for(order.parts, order.config.train.seed) if start is not None else ""
    if start is not None and waits:
        note = f"the untrained start is served; training waits for {waits}"
        return _written(order, files, _untrained(start, order), start, _Facts(fitted, False, True, note)), {}
    facts = _Facts(fitted, True, False, "")
    if start is not None:
        gain = compare_with_start(order.parts, order.variant, start, order.config)
        said = (
            f"{order.variant.upper()} beside its untrained start, cross-validated: recall {gain.difference:+.3f} "
            f"({gain.ci_low:+.3f} to {gain.ci_high:+.3f}, {gain.queries} queries)"
        )
        if gain.ci_low <= 0:
            facts = replace(facts, is_start=True, note=f"{said}; not clearly better, so the start is served")
            return _written(order, files, _untrained(start, order), start, facts), {}
        facts = replace(facts, note=said)
    trained = train(
        order.parts.training_songs(),
        trainee_of(order.config, start),
        order.variant,
        training_of(order.config, start),
        order.validator.recall if order.validator.task is not None else None,
        progress,
        files.checkpoint,
    )
    return _written(order, files, trained, start, facts), trained.speed


def _start(order: _Order) -> tuple[Whitening | None, int]:
    """The start of what is to be trained upon a body, and the songs that it was fitted on."""
    if keeps_log_mels(order.config):
        return None, 0
    return order.parts.fit_start(body_features(order.config))


@dataclass(frozen=True)
class _Facts:
    """Of a model that is about to be written: see `TrainingRecord`."""

    fitted: int
    tried: bool
    is_start: bool
    note: str


def _untrained(start: Whitening, order: _Order) -> TrainedEncoder:
    """The start as training would have left it after no step."""
    encoder = build_encoder(order.config, start)
    weights = {name: tensor.detach().clone() for name, tensor in encoder.state_dict().items()}
    width = order.parts.whitening.projection.shape[1]
    return TrainedEncoder(weights, np.eye(width, dtype=np.float32), 0, None, [], None, {})


def _twin(order: _Order) -> ModelFiles | None:
    """NS of the same recipe and data, where lyrics make no difference between it and WNS."""
    if order.variant != "wns" or not is_alone() or lyrics_differ(order.parts):
        return None
    files = ModelFiles(order.workspace.model("ns"))
    record = files.training()
    same = record is not None and record.recipe == recipe_of("ns", order.config) and record.data == order.data
    return files if same else None


def _taken_over(order: _Order, twin: ModelFiles, files: ModelFiles) -> TrainingRecord:
    record = twin.training()
    assert record is not None
    note = f"too few lyrics for WNS to differ from NS, whose model it takes{': ' + record.note if record.note else ''}"
    taken = replace(record, variant=order.variant, recipe=order.recipe, note=note)
    with order.workspace.lock():
        files.forget_training()
        files.folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(twin.encoder, files.encoder)
        files.write_training(taken, twin.whitening(), twin.references(), order.config)
    return taken


def _written(
    order: _Order, files: ModelFiles, trained: TrainedEncoder, start: Whitening | None, facts: _Facts
) -> TrainingRecord:
    """Choose fusion and hubness on validation, and write the candidate with its record."""
    encoder = trained_encoder(trained, start, order.config)
    references = _references(order.parts, encoder, trained, order.config)
    vectors = with_hubness(order.validator.vectors(encoder, trained.lyric_matrix), references)
    record = _record(order, vectors, trained, facts)
    if is_first_process():
        with order.workspace.lock():
            files.forget_training()
            save_encoder(files.encoder, trained.weights)
            whitening = order.parts.whitening.then(trained.lyric_matrix)
            files.write_training(record, whitening, references, order.config)
            files.checkpoint.unlink(missing_ok=True)
    return record


def _compared(files: ModelFiles, present: TrainingRecord | None, order: _Order) -> Comparison | None:
    """The candidate against the present model on today's validation songs.

    Null where that cannot be asked: there is no present model, no validation query, or the present model wants other
    features, lyric vectors or another split than are configured, or was trained on today's validation or test songs, so
    that it cannot be used or judged any longer either.
    """
    validator, config = order.validator, order.config
    if present is None or validator.task is None:
        return None
    if validator.knows_test_or_trained_on(present.tracks, present.validation):
        return None
    before = files.config()
    if feature_format(before) != feature_format(config):
        return None
    if before.splits != config.splits or segmentation(before) != segmentation(config) or before.bags != config.bags:
        return None
    if before.lyrics.model_copy(update={"batch_size": config.lyrics.batch_size}) != config.lyrics:
        return None
    recalls = [
        validator.recalls(
            with_hubness(
                validator.vectors_of(on_training_device(read_encoder(model), config), model.whitening()),
                model.references(),
            ),
            record.audio_weight,
            record.hubness,
        )
        for model, record in ((files.candidate, files.candidate.training()), (files, present))
        if record is not None
    ]
    return compare(recalls[0], recalls[1], config.evaluation.bootstrap, config.evaluation.seed)


def recipe_of(variant: Variant, config: PipelineConfig) -> str:
    """Hash of what a model depends on in the configuration; data are not part of it."""
    parts = (config.segments, config.splits, config.encoder, config.train, config.lyrics)
    dumped = [part.model_dump(exclude={"batch_size"} if part is config.lyrics else None) for part in parts]
    if config.bags.embed:
        dumped.append(config.bags.model_dump())
    rows = [feature_format(config).version]
    weights = start_weights(config)
    if weights is not None:
        rows.append(weights.tobytes().hex())
    if hears_events(config):
        rows += [event_statistics.start_weights().tobytes().hex(), config.events.model_dump_json()]
    return sha256_of(variant, rows, dumped, config.evaluation.k, config.evaluation.relevance)[:16]


def _record(order: _Order, vectors: SongVectors, trained: TrainedEncoder, facts: _Facts) -> TrainingRecord:
    parts, config = order.parts, order.config
    weight, recalls = order.validator.audio_weight(vectors)
    artist_of = dict(parts.frames.tracks.select("track_id", "artist_id").rows())
    # A start learned from no song which others belong to it; the weight was chosen on the validation songs.
    known = parts.known if not facts.is_start else parts.validation if order.validator.task is not None else []
    return TrainingRecord(
        variant=order.variant,
        recipe=order.recipe,
        data=order.data,
        seed=config.train.seed,
        best_step=trained.best_step,
        validation_recall=trained.best_recall,
        lyric_temperature=trained.lyric_temperature,
        audio_weight=weight,
        hubness=_hubness(order.validator, vectors, weight, config),
        fusion_recalls={str(w): r for w, r in recalls.items()},
        history=trained.history,
        artists=sorted({artist_of[t] for t in known}),
        tracks=known,
        validation=parts.validation if known else [],
        songs=len(parts.train),
        fitted=facts.fitted,
        tried=facts.tried,
        is_start=facts.is_start,
        note=facts.note,
    )


def _hubness(validator: Validator, vectors: SongVectors, weight: float, config: PipelineConfig) -> float:
    """1 where the correction for hubs gains on validation by more than its interval, else 0."""
    if validator.task is None:
        return 0.0
    without, corrected = (validator.recalls(vectors, weight, strength) for strength in (0.0, 1.0))
    return float(compare(corrected, without, config.evaluation.bootstrap, config.evaluation.seed).ci_low > 0)


def _references(
    parts: CatalogueParts, encoder: nn.Module, trained: TrainedEncoder, config: PipelineConfig
) -> SongVectors:
    """Vectors of training songs, at most `_REFERENCES` of them, drawn with the seed of training."""
    count = min(_REFERENCES, len(parts.train))
    drawn = np.random.default_rng(config.train.seed).choice(len(parts.train), count, replace=False)
    ids = [parts.train[n] for n in sorted(drawn.tolist())]
    return SongVectors(embed_songs(encoder, parts.features, ids, config), parts.projected(ids, trained.lyric_matrix))


def trained_encoder(trained: TrainedEncoder, start: Whitening | None, config: PipelineConfig) -> nn.Module:
    """The encoder of a training on the training device, ready to embed."""
    encoder = build_encoder(config, start)
    encoder.load_state_dict(trained.weights)
    return on_training_device(encoder, config)
