"""A new model takes the present one's place only when it is not worse."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from conftest import QUIET, SMALL_CONFIG, run_of

from simsong_pipeline.audio import body_layout
from simsong_pipeline.config import EncoderConfig, PipelineConfig
from simsong_pipeline.evaluation.comparison import Comparison, compare
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import SPLIT
from simsong_pipeline.stages import training_stage
from simsong_pipeline.stages.export_stage import export_variant
from simsong_pipeline.stages.training_data import read_training_frames
from simsong_pipeline.stages.training_stage import TrainingOutcome, train_variant

WORSE = Comparison(-0.3, -0.4, -0.2, 10)
# Another width, so that a refused model's configuration cannot be mistaken for the present one's.
WIDER = SMALL_CONFIG.model_copy(
    update={
        "encoder": EncoderConfig(kind="convolution", stem_channels=4, widths=(16, 32), depths=(1, 1), embedding_dim=24)
    }
)


@pytest.fixture
def judged_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six training steps on 48 songs prove nothing either way, so the judgement is set."""
    monkeypatch.setattr(training_stage, "compare", lambda *_: WORSE)


def _train(workspace: Workspace, config: PipelineConfig, **options: bool) -> TrainingOutcome:
    frames = read_training_frames(workspace)
    return train_variant(run_of(workspace, config=config, **options), "ns", frames)


def test_clear_loss_is_worse() -> None:
    present = np.random.default_rng(0).random(60)
    found = compare(present - 0.1, present)
    assert (found.difference, found.ci_low, found.ci_high, found.worse) == pytest.approx((-0.1, -0.1, -0.1, True))


def test_loss_that_the_choice_of_queries_explains_is_not_worse() -> None:
    rng = np.random.default_rng(0)
    found = compare(rng.normal(-0.01, 1.0, 60), np.zeros(60))
    assert not found.worse


def test_better_model_is_not_worse() -> None:
    assert not compare(np.full(20, 0.5), np.full(20, 0.4)).worse


def test_model_is_as_good_as_itself(run_copy: Workspace) -> None:
    before = ModelFiles(run_copy.model("ns")).training()
    outcome = _train(run_copy, SMALL_CONFIG, retrain=True)
    assert outcome.promoted
    assert "recall +0.000" in outcome.verdict
    assert outcome.record == before


@pytest.mark.usefixtures("judged_worse")
def test_worse_model_is_refused_and_the_present_one_goes_on_serving(run_copy: Workspace) -> None:
    files = ModelFiles(run_copy.model("ns"))
    before = files.export()
    outcome = _train(run_copy, WIDER)
    assert (outcome.trained_now, outcome.promoted) == (True, False)
    assert "--promote-anyway" in outcome.verdict
    features = run_copy.features(WIDER).reader(run_copy.read("segment_features"))
    assert export_variant(run_copy, "ns", features, WIDER) == before
    assert load_encoder(run_copy, "ns", WIDER).dim == SMALL_CONFIG.encoder.embedding_dim


@pytest.mark.slow
@pytest.mark.usefixtures("judged_worse")
def test_refused_model_is_not_trained_again(run_copy: Workspace) -> None:
    first, second = _train(run_copy, WIDER), _train(run_copy, WIDER)
    assert (second.trained_now, second.verdict) == (False, first.verdict)


@pytest.mark.slow
@pytest.mark.usefixtures("judged_worse")
def test_refused_model_can_be_taken_nevertheless_without_training_it_again(run_copy: Workspace) -> None:
    _train(run_copy, WIDER)
    trained: list[int] = []
    told = replace(QUIET, progress=lambda step, _: trained.append(step))
    frames = read_training_frames(run_copy)
    outcome = train_variant(run_of(run_copy, config=WIDER, events=told, promote_anyway=True), "ns", frames)
    assert outcome.promoted
    assert trained == []
    assert ModelFiles(run_copy.model("ns")).config().encoder == WIDER.encoder


def test_promoted_model_keeps_the_one_before(run_copy: Workspace) -> None:
    files = ModelFiles(run_copy.model("ns"))
    before, exported = files.training(), files.export()
    _train(run_copy, WIDER)
    assert files.previous.training() == before
    assert files.previous.export() == exported
    assert not files.candidate.folder.exists()


@pytest.mark.slow
def test_killed_between_the_moves_the_candidate_is_judged_and_promoted_again(run_copy: Workspace) -> None:
    files = ModelFiles(run_copy.model("ns"))
    _train(run_copy, WIDER)
    record = files.training()
    # As a kill leaves it after the present model has gone and before the candidate has come.
    files.folder.rename(files.candidate.folder)
    outcome = _train(run_copy, WIDER)
    assert (outcome.promoted, outcome.trained_now) == (True, False)
    assert outcome.verdict
    assert files.training() == record


def test_model_that_knows_todays_validation_songs_is_replaced_without_a_comparison(run_copy: Workspace) -> None:
    splits = run_copy.read("splits").with_columns(
        pl.when(pl.col("split") == "train")
        .then(pl.lit("validation"))
        .when(pl.col("split") == "validation")
        .then(pl.lit("train"))
        .otherwise(pl.col("split").cast(pl.String))
        .cast(SPLIT)
        .alias("split")
    )
    run_copy.write("splits", splits)
    outcome = _train(run_copy, SMALL_CONFIG, retrain=True)
    assert (outcome.promoted, outcome.verdict) == (True, "")


@pytest.mark.usefixtures("judged_worse")
def test_refused_retraining_of_the_same_recipe_can_be_taken_nevertheless(run_copy: Workspace) -> None:
    assert not _train(run_copy, SMALL_CONFIG, retrain=True).promoted
    assert _train(run_copy, SMALL_CONFIG, promote_anyway=True).promoted


def test_record_keeps_no_address_of_a_server(run_copy: Workspace) -> None:
    store = SMALL_CONFIG.store.model_copy(update={"url": "https://me:secret-word@example.org"})
    _train(run_copy, WIDER.model_copy(update={"store": store}))
    assert "secret-word" not in (run_copy.model("ns") / "training.json").read_text()


def test_other_features_leave_nothing_to_compare(run_copy: Workspace) -> None:
    config = SMALL_CONFIG.model_copy(update={"segments": SMALL_CONFIG.segments.model_copy(update={"seconds": 4.0})})
    outcome = _train(run_copy, config)
    assert outcome.promoted
    assert outcome.verdict == ""


def test_other_weights_of_the_layers_are_another_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = training_stage.recipe_of("ns", PipelineConfig())
    monkeypatch.setattr(body_layout, "_SHARES", (1.0, 1.0, 1.0))
    assert training_stage.recipe_of("ns", PipelineConfig()) != before
