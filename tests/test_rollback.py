"""Back to the model before, and who may publish at all."""

import os
import shutil
from pathlib import Path

import pytest
from conftest import SMALL_CONFIG, run_of
from typer.testing import CliRunner

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import EncoderConfig
from simsong_pipeline.errors import ModelError, SimSongError, StaleRunError
from simsong_pipeline.files import write_json
from simsong_pipeline.home.fence import Fence
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.rollback_stage import can_roll_back, goes_forward, roll_back
from simsong_pipeline.runs.run import run
from simsong_pipeline.stages.catalogue_stages import make_audio
from simsong_pipeline.stages.index_stage import IndexFrames, publish_variant
from simsong_pipeline.stages.stored_vectors import in_memory

pytestmark = pytest.mark.slow  # two runs of the pipeline before the first test

WIDER = SMALL_CONFIG.model_copy(
    update={
        "encoder": EncoderConfig(kind="convolution", stem_channels=4, widths=(16, 32), depths=(1, 1), embedding_dim=24)
    }
)


def _run(workspace: Workspace, config: object) -> object:
    return run(run_of(workspace, config=config, publish_anyway=True, promote_anyway=True))  # type: ignore[arg-type]


def _served(workspace: Workspace) -> tuple[str, int, int]:
    """Collection behind the variant's alias, songs in it, width of the model's vectors."""
    with workspace.store(SMALL_CONFIG.store) as store:
        name = store.aliases()["simsong_wns"]
        width = workspace.read("wns/track_vectors").schema["audio"].shape[0]  # type: ignore[attr-defined]
        return name, store.count(name), width


@pytest.fixture(scope="module")
def second_model(finished_run: tuple[Workspace, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("second") / "home"
    shutil.copytree(finished_run[0].home, home)
    _run(Workspace(home), WIDER)
    return home


@pytest.fixture
def two_models(second_model: Path, tmp_path: Path) -> Workspace:
    """A home whose second model has replaced the first."""
    shutil.copytree(second_model, tmp_path / "home")
    return Workspace(tmp_path / "home")


def test_rollback_serves_the_previous_model_and_embeds_nothing(two_models: Workspace) -> None:
    after = _served(two_models)
    rolled = roll_back(two_models, ["ns", "wns"], two_models.load_config())[1]
    before = _served(two_models)
    assert (before[0], before[2]) == (rolled.collection, 16)
    assert after[0] == rolled.before
    assert after[2] == 24
    # The next run trains nothing in its place, and has nothing to embed.
    summary = _run(two_models, two_models.load_config())
    assert (summary.embedded, summary.upserted) == (0, 0)  # type: ignore[attr-defined]
    assert _served(two_models) == before


def test_second_rollback_goes_forward_again(two_models: Workspace) -> None:
    first = _served(two_models)
    vectors = two_models.read("wns/track_vectors")
    for _ in range(2):
        roll_back(two_models, ["wns"], two_models.load_config())
    assert _served(two_models) == first
    again = two_models.read("wns/track_vectors")
    assert again["track_id"].equals(vectors["track_id"])
    assert abs(again["audio"].to_numpy() - vectors["audio"].to_numpy()).max() < 1e-6


@pytest.mark.parametrize("renames", [1, 2, 3])
def test_killed_rollback_is_finished_by_the_next(
    two_models: Workspace, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    wanted = ModelFiles(two_models.model("wns")).previous.export().model_version
    done, replace = 0, os.replace

    def killed(source: object, target: object) -> None:
        nonlocal done
        if Path(str(source)).is_dir():
            if done == renames:
                raise KeyboardInterrupt
            done += 1
        replace(source, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        # The last place to be killed at is after all three, before the alias.
        patch.setattr(Workspace, "save_config", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            roll_back(two_models, ["wns"], two_models.load_config())
    assert can_roll_back(two_models, "wns")
    roll_back(two_models, ["wns"], two_models.load_config())
    assert ModelFiles(two_models.model("wns")).export().model_version == wanted
    assert wanted[:12] in _served(two_models)[0]


def test_half_written_collection_is_no_rollback_to_finish(two_models: Workspace) -> None:
    """The new model's collection broke off in its first batch, and the old one still serves."""
    old = ModelFiles(two_models.model("wns")).previous.export().model_version
    served, _, _ = _served(two_models)
    with two_models.store(SMALL_CONFIG.store) as store:
        name = next(n for n in store.collections() if old[:12] in n)
        store.delete(served, sorted(store.hashes(served))[3:])
        store.point_aliases({"simsong_wns": name, "simsong": name})
        whole = store.count(name)
    roll_back(two_models, ["wns"], two_models.load_config())
    assert _served(two_models) == (name, whole, 16)


def test_half_written_collection_is_never_gone_forward_to(two_models: Workspace) -> None:
    """As above, and the model whose collection broke off is the one before, when the first rollback is done."""
    ModelFiles(two_models.model("wns")).mark_published("of another export")
    roll_back(two_models, ["wns"], two_models.load_config())
    served = _served(two_models)
    assert not can_roll_back(two_models, "wns")
    with pytest.raises(ModelError, match="never served with all songs"):
        roll_back(two_models, ["wns"], two_models.load_config())
    assert _served(two_models) == served


def test_model_that_never_served_is_not_what_is_gone_back_to(two_models: Workspace) -> None:
    """The first served, the second was promoted and not indexed, the third serves: back leads to the first."""
    files = ModelFiles(two_models.model("wns"))
    first = files.previous.export()
    files.mark_published("of another export")
    shutil.copytree(files.folder, files.candidate.folder)
    files.promote_candidate()
    assert files.previous.export() == first
    assert not list(files.folder.parent.glob("*.dropped"))


def test_published_marks_last_until_the_next_export(two_models: Workspace) -> None:
    files = ModelFiles(two_models.model("wns"))
    assert files.is_published()
    files.forget_export()
    assert not files.is_published()


def test_one_variant_without_its_collection_keeps_both_as_they_are(two_models: Workspace) -> None:
    with two_models.store(SMALL_CONFIG.store) as store:
        served = store.aliases()
        store.drop_others("simsong_wns_", [served["simsong_wns"]])
    with pytest.raises(SimSongError, match="Nothing was changed"):
        roll_back(two_models, ["ns", "wns"], two_models.load_config())
    with two_models.store(SMALL_CONFIG.store) as store:
        assert store.aliases() == served


def test_rolled_back_model_is_trained_anew_on_demand_alone(two_models: Workspace) -> None:
    roll_back(two_models, ["ns", "wns"], two_models.load_config())
    kept = ModelFiles(two_models.model("wns")).export()
    _run(two_models, WIDER)
    assert ModelFiles(two_models.model("wns")).export() == kept


def test_nothing_before_is_said(run_copy: Workspace) -> None:
    assert not can_roll_back(run_copy, "wns")
    with pytest.raises(ModelError, match="nothing to go back to"):
        roll_back(run_copy, ["wns"], SMALL_CONFIG)


def test_lost_collection_keeps_everything_as_it_is(two_models: Workspace) -> None:
    served = _served(two_models)
    with two_models.store(SMALL_CONFIG.store) as store:
        store.drop_others("simsong_wns_", [served[0]])
    with pytest.raises(SimSongError, match="is gone"):
        roll_back(two_models, ["wns"], two_models.load_config())
    assert _served(two_models) == served


def test_run_that_was_overtaken_publishes_nothing(run_copy: Workspace) -> None:
    names = ("tracks", "audio", "descriptions", "lyrics", "lastfm_tags")
    frames, vectors = IndexFrames(*(run_copy.read(n) for n in names)), run_copy.read("wns/track_vectors")
    with run_copy.lock():
        run_copy.fence.claim("the first night")
        run_copy.fence.claim("the second night")
    half = vectors.head(vectors.height - 3)
    with pytest.raises(StaleRunError, match="overtaken"):
        publish_variant(run_of(run_copy, run_id="the first night", publish_anyway=True), "wns", in_memory(half), frames)
    assert _served(run_copy)[1] == vectors.height
    publish_variant(run_of(run_copy, run_id="the second night", publish_anyway=True), "wns", in_memory(half), frames)
    assert _served(run_copy)[1] == half.height


def test_overtaken_run_decodes_nothing_into_the_home(run_copy: Workspace) -> None:
    """Its list of files is old: it would take away features that the present run's frames name."""
    stale = Workspace(run_copy.home, "the first night")
    tracks, files = run_copy.read("tracks"), run_copy.read("youtube_audio")
    for night in (stale, Workspace(run_copy.home, "the second night")):
        with night.lock():
            pass
        night.end_run()
    with pytest.raises(StaleRunError, match="overtaken"):
        make_audio(run_of(stale), tracks, files)


def test_fence_gives_each_run_one_number(tmp_path: Path) -> None:
    fence = Fence(tmp_path / "fence.json")
    assert [fence.claim(r) for r in ("a", "a", "b", "c")] == [1, 1, 2, 3]
    fence.check("c", 3)
    for run_id, token in (("b", 2), ("c", 2), ("d", 3)):
        with pytest.raises(StaleRunError):
            fence.check(run_id, token)
    with pytest.raises(StaleRunError, match="run a was overtaken: run c"):
        fence.claim("a")


def test_overtaken_in_the_midst_of_writing_stops_before_the_next_batch(run_copy: Workspace) -> None:
    names = ("tracks", "audio", "descriptions", "lyrics", "lastfm_tags")
    frames, vectors = IndexFrames(*(run_copy.read(n) for n in names)), run_copy.read("wns/track_vectors")
    shutil.rmtree(run_copy.home / "qdrant")
    config = SMALL_CONFIG.model_copy(update={"store": SMALL_CONFIG.store.model_copy(update={"batch_bytes": 10_000})})
    store_type = type(run_copy.store(config.store).__enter__())
    upsert, batches = store_type.upsert, []

    def upsert_and_be_overtaken(store: object, name: str, points: list[object]) -> None:
        batches.append(len(points))
        upsert(store, name, points)  # type: ignore[arg-type]
        run_copy.fence.claim("another")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_type, "upsert", upsert_and_be_overtaken)
        with pytest.raises(StaleRunError):
            publish_variant(
                run_of(run_copy, config=config, run_id="mine", publish_anyway=True), "wns", in_memory(vectors), frames
            )
    assert len(batches) == 1
    with run_copy.store(config.store) as store:
        assert store.aliases() == {}


def test_rollback_that_is_complete_is_not_undone_unasked(
    two_models: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first rollback asks nothing; a second one asks, is told by --yes, and otherwise changes nothing."""
    command = ["rollback", "--home", str(two_models.home), "--json"]
    assert not goes_forward(two_models, ["ns", "wns"])
    assert CliRunner().invoke(app, command).exit_code == 0
    back = _served(two_models)
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, ModelError)
    assert "--yes goes forward again" in str(refused.exception)
    assert _served(two_models) == back
    assert CliRunner().invoke(app, [*command, "--yes"]).exit_code == 0
    assert _served(two_models) != back


def test_rollback_that_was_interrupted_stops_everything_else_and_is_finished_unasked(two_models: Workspace) -> None:
    version = ModelFiles(two_models.model("wns")).previous.export().model_version
    write_json(two_models.rollback_intent, {"wns": version})
    ModelFiles(two_models.model("wns")).choose()
    for ask in (lambda: _run(two_models, WIDER), lambda: _similar(two_models)):
        with pytest.raises(SimSongError, match="`simsong rollback` finishes it"):
            ask()
    assert CliRunner().invoke(app, ["rollback", "--home", str(two_models.home)]).exit_code == 0
    assert version[:12] in _served(two_models)[0]
    _similar(two_models)


def _similar(workspace: Workspace) -> object:
    with workspace.store(SMALL_CONFIG.store) as store:
        track_id = workspace.read("wns/track_vectors")["track_id"][0]
        return Songs(workspace, store, workspace.load_config()).similar([track_id], Choice(3))


def test_intent_that_names_neither_model_changes_nothing(two_models: Workspace) -> None:
    before = ModelFiles(two_models.model("wns")).export()
    write_json(two_models.rollback_intent, {"wns": "0" * 64})
    with pytest.raises(ModelError, match="delete that file and roll back again"):
        roll_back(two_models, ["wns"], two_models.load_config())
    assert ModelFiles(two_models.model("wns")).export() == before
