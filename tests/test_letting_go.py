"""Frames are kept of the songs that training draws from; all others are heard again where they are needed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
import soundfile
from conftest import QUIET, SMALL_CONFIG, run_of
from polars.testing import assert_frame_equal

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.reasons import _segment_likeness
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.config import VARIANTS
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs import changed_night, ledger
from simsong_pipeline.runs import run as whole_run
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import run
from simsong_pipeline.runs.splitting import split_home
from simsong_pipeline.runs.verification import Findings, verify_files
from simsong_pipeline.stages import hearing_again, hearing_work
from simsong_pipeline.stages.letting_go import let_go

RETRAINED = SMALL_CONFIG.model_copy(update={"train": SMALL_CONFIG.train.model_copy(update={"seed": 5})})
ON_CPU = SMALL_CONFIG.model_copy(update={"inference": SMALL_CONFIG.inference.model_copy(update={"provider": "cpu"})})


@pytest.fixture(scope="module")
def keeping(sample_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A home that keeps the frames of all songs; do not change it."""
    home = Workspace(tmp_path_factory.mktemp("keeping"))
    shutil.copytree(sample_raw, home.raw)
    with _all_kept():
        run(run_of(home, publish_anyway=True))
    return home


@pytest.fixture
def keeping_copy(keeping: Workspace, tmp_path: Path) -> Workspace:
    """A copy of it, which knows its recordings where they lie now."""
    shutil.copytree(keeping.home, tmp_path / "keeping")
    with _all_kept():
        refresh(run_of(Workspace(tmp_path / "keeping"), publish_anyway=True))
    return Workspace(tmp_path / "keeping")


@pytest.fixture(scope="module")
def finished(finished_run: tuple[Workspace, object]) -> Workspace:
    """The finished run where it was made; do not change it."""
    return finished_run[0]


@pytest.fixture
def home(run_copy: Workspace) -> Workspace:
    """The finished run where its copy lies: with their paths all its recordings are others."""
    refresh(run_of(run_copy, publish_anyway=True))
    return run_copy


@contextmanager
def _all_kept() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (whole_run, changed_night):
            patch.setattr(module, "let_go", lambda _: 0)
        yield


@contextmanager
def _decoded() -> Iterator[list[str]]:
    """The songs that are decoded while the block lasts."""
    songs: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (hearing_work, hearing_again):

            def noted(task, *args, of=module.sense, **more):  # type: ignore[no-untyped-def]
                songs.append(task.track_id)
                return of(task, *args, **more)

            patch.setattr(module, "sense", noted)
        yield songs


def _drawn(workspace: Workspace) -> set[str]:
    drawn = workspace.read("splits").filter(pl.col("split") != "test")
    usable = workspace.read("segment_features")
    return set(drawn.join(usable, on="track_id", how="semi")["track_id"])


def _with_frames(workspace: Workspace) -> set[str]:
    return set(workspace.features(SMALL_CONFIG).places()["track_id"])


def _let_go(workspace: Workspace) -> list[str]:
    return sorted(set(workspace.read("segment_features")["track_id"]) - _with_frames(workspace))


def _frame_bytes(workspace: Workspace) -> int:
    return sum(path.stat().st_size for path in workspace.features_folder.glob("*.f16"))


def _vectors(workspace: Workspace, variant: str) -> pl.DataFrame:
    return workspace.read(f"{variant}/track_vectors").sort("track_id")


def _recording(workspace: Workspace, track_id: str) -> Path:
    return Path(workspace.read("audio").row(by_predicate=pl.col("track_id") == track_id, named=True)["path"])


def test_after_a_run_the_store_has_frames_of_the_drawn_songs_and_no_byte_more(finished: Workspace) -> None:
    drawn, channels = _drawn(finished), feature_format(SMALL_CONFIG).channels
    assert _with_frames(finished) == drawn
    assert 0 < len(drawn) < finished.read("segment_features").height
    named = finished.read("segment_features").drop_nulls("file")
    assert set(named["track_id"]) == drawn
    assert _frame_bytes(finished) == named["frames"].sum() * channels * 2


def test_the_frame_names_the_files_that_the_drawn_songs_lie_in_now(finished: Workspace) -> None:
    shared = (
        finished.read("segment_features")
        .group_by(pl.col("track_id").map_elements(finished.buckets.of, pl.Int64))
        .agg(pl.col("file").is_null().any().alias("gone"), pl.col("file").is_not_null().any().alias("stays"))
    )
    assert shared.filter("gone", "stays").height, "no song that stays lay beside one that was let go of"
    _all_read(finished, _drawn(finished))


def _all_read(workspace: Workspace, track_ids: set[str]) -> None:
    """By the last run's frame, as training and questions read them; bytes that are not theirs would be refused."""
    reader = workspace.features(SMALL_CONFIG).reader(workspace.read("segment_features"))
    assert all(len(reader[track_id]) for track_id in track_ids)


@pytest.mark.slow
def test_rows_of_songs_that_were_let_go_of_are_whole_but_for_their_file(home: Workspace, keeping: Workspace) -> None:
    assert _frame_bytes(home) < _frame_bytes(keeping)
    for bucket in range(home.buckets.count):
        rows = [w.features(SMALL_CONFIG).songs(bucket).sort("track_id") for w in (home, keeping)]
        same = [c for c in rows[0].columns if c not in ("file", "offset", "path", "modified_ns")]
        assert_frame_equal(rows[0].select(same), rows[1].select(same))


@pytest.mark.slow
def test_models_vectors_metrics_and_points_are_those_of_a_home_that_keeps_all(
    home: Workspace, keeping: Workspace
) -> None:
    assert_frame_equal(home.read("metrics"), keeping.read("metrics"))
    for variant in VARIANTS:
        assert_frame_equal(_vectors(home, variant), _vectors(keeping, variant))
        same = [(w.model(variant) / "encoder.safetensors").read_bytes() for w in (home, keeping)]
        assert same[0] == same[1]


@pytest.mark.slow
def test_the_next_run_and_the_next_night_decode_nothing(home: Workspace) -> None:
    with _decoded() as songs:
        again = run(run_of(home, publish_anyway=True))
        night = refresh(run_of(home, publish_anyway=True))
    assert (songs, again.embedded, night.embedded) == ([], 0, 0)


def test_a_night_of_nothing_stays_one(home: Workspace) -> None:
    with home.lock():
        wanted = run_of(home, publish_anyway=True)
        assert ledger.unchanged(wanted, ledger.listed(wanted)) is not None


@pytest.mark.slow
def test_a_retraining_hears_what_was_let_go_of_and_gives_the_vectors_of_a_home_that_keeps_all(
    home: Workspace, keeping_copy: Workspace
) -> None:
    gone = _let_go(home)
    with _decoded() as songs:
        run(run_of(home, config=RETRAINED, publish_anyway=True, promote_anyway=True))
    with _all_kept():
        run(run_of(keeping_copy, config=RETRAINED, publish_anyway=True, promote_anyway=True))
    assert sorted({*songs}) == gone
    assert len(songs) == len(VARIANTS) * len(gone)
    for variant in VARIANTS:
        assert_frame_equal(_vectors(home, variant), _vectors(keeping_copy, variant))
    assert_frame_equal(home.read("metrics"), keeping_copy.read("metrics"))
    assert _with_frames(home) == _drawn(home)


def _change_words(workspace: Workspace, among: list[str]) -> str:
    """Other lyrics for one of these songs; its track id."""
    has = set(workspace.read("lyric_embeddings")["track_id"])
    track_id = next(t for t in among if t in has)
    page = next((workspace.raw / "lyrics").rglob(f"*{track_id}*"))
    record = json.loads(page.read_text(encoding="utf-8"))
    record["text"] = record["text"].replace("\n", "\nThe river runs down to the silver sea at night\n", 1)
    page.write_text(json.dumps(record), encoding="utf-8")
    return track_id


def test_other_words_leave_the_audio_vector_of_a_song_that_is_heard_again(home: Workspace) -> None:
    before, track_id = _vectors(home, "ns"), _change_words(home, _let_go(home))
    with _decoded() as songs:
        assert refresh(run_of(home, config=ON_CPU, publish_anyway=True)).embedded == 1
    after = _vectors(home, "ns")
    assert set(songs) == {track_id}
    assert_frame_equal(after.select("track_id", "audio"), before.select("track_id", "audio"))
    changed = after.join(before, on=["track_id", "content_hash"], how="anti")
    assert changed["track_id"].to_list() == [track_id]


def test_a_song_that_cannot_be_heard_again_keeps_its_vector_and_is_tried_by_the_next_run(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, track_id = _vectors(home, "ns"), _change_words(home, _let_go(home))
    notes: list[str] = []
    told = type(QUIET)(QUIET.stage, QUIET.progress, notes.append)
    path = _recording(home, track_id)
    away = path.with_suffix(".away")
    listed = hearing_again.recordings_of

    def leaves(*args: object) -> object:
        """It goes while the run is at work, after it was listed."""
        tasks = listed(*args)  # type: ignore[arg-type]
        if path.exists():
            path.rename(away)
        return tasks

    with monkeypatch.context() as patch:
        patch.setattr("simsong_pipeline.stages.vector_work.recordings_of", leaves)
        night = refresh(run_of(home, events=told, publish_anyway=True))
    assert night.embedded == 0
    assert any(f"{track_id} say" in note for note in notes)
    assert_frame_equal(_vectors(home, "ns"), before)
    assert not (home.home / "ledger.json").exists()
    away.rename(path)
    assert refresh(run_of(home, publish_anyway=True)).embedded == 1
    assert (home.home / "ledger.json").exists()


@pytest.mark.slow
def test_a_recording_that_became_another_one_gives_no_vector(home: Workspace) -> None:
    track_id = _let_go(home)[0]
    path = _recording(home, track_id)
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples[500:], rate)
    silent = home.read("segment_features").filter(track_id=track_id)
    worker = _Worker()
    again = hearing_again.HearAgain(worker, SMALL_CONFIG)
    assert list(again.features(silent, hearing_again.recordings_of(home, silent))) == []
    assert f"{track_id} say (the recording is another one now" in worker.notes[0]


class _Worker:
    """One song after the other."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.note = self.notes.append

    def map_songs(self, first, then, lost, items):  # type: ignore[no-untyped-def]
        return (then(first(item)) for item in items)

    def count(self, songs: int = 1) -> None: ...


@pytest.mark.slow
def test_a_disk_that_left_before_a_retraining_leaves_vectors_and_index(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _vectors(home, "ns")
    everything = home.read("segment_features").with_columns(pl.lit(None, pl.String).alias("file"))
    home.write("segment_features", everything)
    shutil.rmtree(home.raw / "audio")
    from simsong_pipeline.stages.embedding_stage import embed_variant

    for variant in VARIANTS:  # as a new model would
        (home.home / "frames" / variant).rename(home.home / f"{variant}-before")
    with pytest.raises(RawDataError, match=r"44 of 44 songs have to be heard again and cannot be: .*--accept-shrink"):
        embed_variant(run_of(home), "ns", everything, home.read("lyric_embeddings"))
    (home.home / "ns-before").rename(home.home / "frames" / "ns")
    assert_frame_equal(_vectors(home, "ns"), before)


@pytest.mark.slow
def test_songs_that_move_into_training_are_heard_again_before_it(home: Workspace, keeping_copy: Workspace) -> None:
    moved = RETRAINED.model_copy(update={"splits": RETRAINED.splits.model_copy(update={"seed": 3})})
    gone = set(_let_go(home))
    run(run_of(home, config=moved, publish_anyway=True, promote_anyway=True))
    with _all_kept():
        run(run_of(keeping_copy, config=moved, publish_anyway=True, promote_anyway=True))
    assert gone & _drawn(home), "no song moved: choose another seed"
    assert _with_frames(home) == _drawn(home)
    for variant in VARIANTS:
        assert_frame_equal(_vectors(home, variant), _vectors(keeping_copy, variant))


def test_nothing_that_was_let_go_of_is_taken_for_damage(finished: Workspace) -> None:
    found = Findings()
    verify_files(finished, SMALL_CONFIG, found, QUIET.progress)
    assert found.damaged == []


@pytest.mark.slow
def test_a_split_home_has_let_go_of_the_same_songs(home: Workspace) -> None:
    gone = _let_go(home)
    split_home(home, SMALL_CONFIG, QUIET)
    assert _let_go(home) == gone
    with _decoded() as songs:
        run(run_of(home, publish_anyway=True))
    assert (songs, _let_go(home)) == ([], gone)


@pytest.mark.slow
def test_two_songs_that_were_let_go_of_can_be_compared(home: Workspace, keeping: Workspace) -> None:
    songs = _let_go(home)[:2]
    pairs = [_segment_likeness(w, SMALL_CONFIG, songs) for w in (home, keeping)]
    assert (pairs[0][2] == pairs[1][2]).all()


def test_a_song_whose_recording_is_gone_is_compared_without_its_segments(home: Workspace) -> None:
    one, other = _let_go(home)[:2]
    _recording(home, other).unlink()
    with home.store(SMALL_CONFIG.store) as store:
        _, _, found = Songs(home, store, SMALL_CONFIG).why(one, other)
    assert found.segments == []
    assert f"{other} cannot be heard again" in found.unheard
    assert found.score == pytest.approx(
        found.audio_weight * found.audio + (1 - found.audio_weight) * found.lyrics_counted
    )


@pytest.mark.slow
def test_a_bucket_that_others_work_on_is_left_to_the_next_run(keeping_copy: Workspace) -> None:
    notes: list[str] = []
    told = type(QUIET)(QUIET.stage, QUIET.progress, notes.append)
    drawn = _drawn(keeping_copy)
    left = keeping_copy.buckets.of(max(_with_frames(keeping_copy) - drawn, key=keeping_copy.buckets.of))
    with keeping_copy.features(SMALL_CONFIG).held([left]):
        let_go(run_of(keeping_copy, events=told))
        assert {keeping_copy.buckets.of(t) for t in _with_frames(keeping_copy) - drawn} == {left}
    assert any("stay until the next run" in note for note in notes)
    _all_read(keeping_copy, drawn)
    assert let_go(run_of(keeping_copy)) > 0
    _all_read(keeping_copy, drawn)
    assert _with_frames(keeping_copy) == drawn


_KILLED = """
import os, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from conftest import run_of
from simsong_pipeline.audio.feature_store import FeatureStore
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs import ledger
from simsong_pipeline.runs.run import run
end = lambda *a, **k: os.kill(os.getpid(), 9)
if "ledger" in sys.argv[1]:
    ledger.settle = end
elif "frame" in sys.argv[1]:
    FeatureStore.let_go = end
else:
    rest = iter([FeatureStore._let_go_of_bucket] * 3)
    FeatureStore._let_go_of_bucket = lambda *a: next(rest, end)(*a)
run(run_of(Workspace(Path(os.environ["HOME_OF_IT"])), publish_anyway=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["before the buckets, after the frame", "between buckets", "before the ledger"])
def test_a_home_that_was_killed_while_it_let_go_is_finished_by_the_next_run(
    keeping_copy: Workspace, keeping: Workspace, where: str
) -> None:
    where = where.replace("before the buckets, after the ", "")
    tests = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, where, tests],
        env=os.environ | {"HOME_OF_IT": str(keeping_copy.home)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert _with_frames(keeping_copy) != _drawn(keeping_copy) or "ledger" in where
    with _decoded() as songs:
        summary = run(run_of(keeping_copy, publish_anyway=True))
    assert (songs, summary.embedded) == ([], 0)
    assert _with_frames(keeping_copy) == _drawn(keeping_copy)
    for variant in VARIANTS:
        assert_frame_equal(_vectors(keeping_copy, variant), _vectors(keeping, variant))
