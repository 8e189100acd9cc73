"""A home that was split holds what it held, in twice as many buckets, whenever the split was killed."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import QUIET, SMALL_CONFIG, run_of
from polars.testing import assert_frame_equal

from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.feature_split import FeatureSplit, clear, files_of
from simsong_pipeline.audio.feature_store import AudioFrames, FeatureStore
from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.buckets import MOST, USUAL, Buckets
from simsong_pipeline.config import EncoderConfig, PipelineConfig
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.errors import BusyError, DiskFullError, RawDataError, SchemaError, SimSongError
from simsong_pipeline.home.bucketed_frame import BucketedFrame
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.bucket_work import work_on_buckets
from simsong_pipeline.runs.home_verification import verify_home
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.splitting import split_home
from simsong_pipeline.stages.hearing_work import HearBucket, hear_all

CONFIG = PipelineConfig(encoder=EncoderConfig(kind="convolution"))
ROWS = feature_format(CONFIG)
WIDE = ("lyrics", "lyric_embeddings", "ns/track_vectors", "wns/track_vectors")
REMEDY = "delete it and begin anew"


# Frames.


def _frame(count: int) -> pl.DataFrame:
    ids = [f"T{n:05d}" for n in range(count)]
    values = np.random.default_rng(count).normal(size=(count, 2)).astype(np.float32)
    kinds = {"track_id": pl.String, "word": pl.String, "vector": pl.Array(pl.Float32, 2)}
    return pl.DataFrame({"track_id": ids, "word": [None, *ids[1:]][:count], "vector": values}, schema=kinds)


@pytest.mark.parametrize(("before", "after"), [(64, 128), (1, 2), (16, 256)])
@pytest.mark.parametrize("rows", [0, 700])
def test_a_frame_that_was_spread_is_the_frame_that_is_written_in_that_number(
    tmp_path: Path, before: int, after: int, rows: int
) -> None:
    frame = _frame(rows)
    BucketedFrame(tmp_path / "kept", REMEDY, Buckets(before)).write(frame)
    kept = BucketedFrame(tmp_path / "kept", REMEDY, Buckets(after))
    kept.spread()
    assert_frame_equal(kept.read(), frame)
    BucketedFrame(tmp_path / "anew", REMEDY, Buckets(after)).write(frame)
    spread, anew = ({p.name for p in (tmp_path / name).iterdir()} for name in ("kept", "anew"))
    assert spread == anew
    assert len(list((tmp_path / "kept").glob("*.parquet"))) == after


def test_a_frame_of_another_number_than_its_object_s_is_read_and_updated_as_it_is(tmp_path: Path) -> None:
    BucketedFrame(tmp_path, REMEDY, Buckets(16)).write(_frame(300))
    other = BucketedFrame(tmp_path, REMEDY, Buckets(128))
    changed = _frame(300).head(5).with_columns(pl.lit("another").alias("word"))
    other.update(changed, ["T00299"])
    assert_frame_equal(other.read(), pl.concat([changed, _frame(300).slice(5, 294)]))
    assert other.buckets_of(["T00000"]) == Buckets(16).of_all(["T00000"])
    other.spread()
    BucketedFrame(tmp_path, REMEDY, Buckets(16)).spread()  # never into fewer
    assert len(list(tmp_path.glob("*.parquet"))) == 128


# Features.


def _song(folder: Path, name: str, pitch: float) -> Path:
    path = folder / f"{name}.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * pitch * np.arange(16_000 * 4) / 16_000), 16_000)
    return path


def _tasks(songs: list[Path]) -> list[AudioTask]:
    stats = [(path, path.stat()) for path in songs]
    return [AudioTask(path.stem, str(path), stat.st_size, stat.st_mtime_ns, None) for path, stat in stats]


def _heard(folder: Path, buckets: Buckets, songs: list[Path]) -> AudioFrames:
    function = HearBucket(folder, CONFIG, wait_s=10.0, buckets=buckets)
    return hear_all(function, LocalEngine(), _tasks(songs), None, QUIET.progress)


def _split(folder: Path, before: Buckets) -> Buckets:
    FeatureSplit(folder, FeatureStore(folder, ROWS, buckets=before), before).write(lambda *_: None)
    clear(folder, before)
    return before.twice


def _contents(folder: Path, buckets: Buckets) -> dict[str, bytes]:
    store = FeatureStore(folder, ROWS, buckets=buckets)
    reader = store.reader(store.places())
    return {track_id: reader[track_id].tobytes() for track_id in reader}


@pytest.fixture
def songs(tmp_path: Path) -> list[Path]:
    (tmp_path / "music").mkdir()
    return [_song(tmp_path / "music", f"song{n}", 200 + 90 * n) for n in range(7)]


def _no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that knows no second names."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)


@pytest.mark.parametrize("links", [True, False])
def test_features_that_were_split_again_and_again_are_those_that_were_heard(
    tmp_path: Path, songs: list[Path], links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        _no_links(monkeypatch)
    folder, buckets = tmp_path / "features", Buckets(1)
    first = _heard(folder, buckets, songs)
    size = sum(path.stat().st_size for path in folder.glob("*.f16"))
    contents = _contents(folder, buckets)
    for _ in range(8):
        buckets = _split(folder, buckets)
        assert _contents(folder, buckets) == contents
    again = _heard(folder, buckets, songs)
    assert (buckets.count, again.decoded) == (256, 0)
    same = [name for name in first.segment_features.columns if name not in ("file", "offset")]
    assert_frame_equal(again.segment_features.select(same), first.segment_features.select(same))
    assert_frame_equal(again.audio, first.audio)
    assert_frame_equal(again.descriptions, first.descriptions)
    inodes = {path.stat().st_ino: path.stat().st_size for path in folder.glob("*.f16")}
    assert sum(inodes.values()) == size


@pytest.mark.parametrize("links", [True, False])
def test_after_a_split_songs_come_and_change_and_go_as_in_a_store_of_that_number(
    tmp_path: Path, songs: list[Path], links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        _no_links(monkeypatch)
    folder = tmp_path / "features"
    _heard(folder, Buckets(1), songs)
    buckets = _split(folder, Buckets(1))
    _song(songs[0].parent, songs[2].stem, 1234.0)
    now = [*songs[1:], _song(songs[0].parent, "another", 555.0)]
    after = _heard(folder, buckets, now)
    anew = _heard(tmp_path / "anew", buckets, now)
    assert after.decoded == 2
    assert _contents(folder, buckets) == _contents(tmp_path / "anew", buckets)
    same = [name for name in anew.segment_features.columns if name not in ("file", "offset")]
    assert_frame_equal(after.segment_features.select(same), anew.segment_features.select(same))
    named = {*after.segment_features["file"]}
    assert {path.name for path in folder.glob("*.f16")} == named


@pytest.mark.parametrize("links", [True, False])
def test_songs_whose_features_were_deleted_are_heard_anew_after_a_split(
    tmp_path: Path, songs: list[Path], links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        _no_links(monkeypatch)
    folder = tmp_path / "features"
    frames = _heard(folder, USUAL, songs).segment_features
    (folder / frames["file"][0]).unlink()
    gone = frames.filter(file=frames["file"][0]).height
    buckets = _split(folder, USUAL)
    assert _heard(folder, buckets, songs).decoded == gone


@pytest.mark.parametrize("links", [True, False])
def test_a_damaged_bucket_is_named_and_the_store_stays(
    tmp_path: Path, songs: list[Path], links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        _no_links(monkeypatch)
    folder = tmp_path / "features"
    _heard(folder, USUAL, songs)
    path = sorted(folder.glob("bucket-*.parquet"))[-1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    names = {path.name for path in files_of(folder, USUAL)}
    with pytest.raises(SchemaError, match=f"{path.name} is damaged"):
        _split(folder, USUAL)
    assert {path.name for path in files_of(folder, USUAL)} == names


def test_a_reader_of_many_files_keeps_some_of_them_open(tmp_path: Path, songs: list[Path]) -> None:
    script = (
        "import resource, sys; from pathlib import Path; import polars as pl\n"
        "from simsong_pipeline.audio.feature_store import FeatureReader\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (600, 600))\n"
        "frame = pl.read_parquet(sys.argv[2]); reader = FeatureReader(Path(sys.argv[1]), frame, int(sys.argv[3]))\n"
        "print(sum(len(reader[t]) for _ in range(2) for t in reader))"
    )
    _heard(tmp_path / "features", USUAL, songs)
    place = FeatureStore(tmp_path / "features", ROWS).places().head(1)
    (tmp_path / "many").mkdir()
    for n in range(1_500):
        os.link(tmp_path / "features" / place["file"][0], tmp_path / "many" / f"{n}.f16")
    ids = pl.DataFrame({"track_id": [f"T{n}" for n in range(1_500)], "file": [f"{n}.f16" for n in range(1_500)]})
    ids.join(place.drop("track_id", "file"), how="cross").select(place.columns).write_parquet(tmp_path / "frame")
    command = [sys.executable, "-c", script, str(tmp_path / "many"), str(tmp_path / "frame"), str(ROWS.channels)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) == 2 * 1_500 * place["frames"][0]


# Homes.


@pytest.fixture
def home(run_copy: Workspace) -> Workspace:
    """A home whose last night found nothing to do."""
    run_copy.save_config(SMALL_CONFIG)
    refresh(run_of(run_copy, publish_anyway=True))
    return run_copy


def _state(workspace: Workspace) -> dict[str, object]:
    """What the home holds, whatever its number."""
    frames = {name: workspace.read(name).sort("track_id").rows() for name in (*WIDE, "audio", "descriptions")}
    marks = {
        path.parent.parent.name: BucketedFrame(path.parent, REMEDY).read().rows()
        for path in workspace.home.glob("published/*/marks/manifest.json")
    }
    reader = workspace.features(SMALL_CONFIG).reader(workspace.read("segment_features"))
    return {**frames, **marks, "heard": {t: reader[t].tobytes() for t in reader}}


def _told(workspace: Workspace) -> tuple[list[str], int]:
    lines: list[str] = []
    events = Events(lambda _: None, lambda *_: None, lines.append)
    summary = refresh(run_of(workspace, events=events, publish_anyway=True))
    return lines, summary.embedded + summary.upserted


@pytest.mark.slow
def test_a_home_that_was_split_holds_what_it_held_and_has_nothing_to_do(home: Workspace) -> None:
    before, names = _state(home), {path.name for path in files_of(home.home / "features", USUAL)}
    assert names
    for count in (128, 256):
        assert split_home(home, SMALL_CONFIG, QUIET).buckets == home.buckets.count == count
        assert _state(home) == before
        manifests = home.bucket_number.manifests()
        assert {len(list(path.parent.glob("*.parquet"))) for path in manifests} == {count}
        kept = {path for path in (home.home / "features").iterdir() if path.name.startswith("bucket-")}
        assert kept == {path for path in files_of(home.home / "features", Buckets(count)) if path in kept}
        lines, work = _told(home)
        assert (lines, work) == (["nothing changed since the last run"], 0)
    found = verify_home(home, None, QUIET)
    assert (found.damaged, found.notes) == ([], [])


@pytest.mark.slow
def test_a_night_after_a_split_that_compares_everything_decodes_and_embeds_nothing(home: Workspace) -> None:
    split_home(home, SMALL_CONFIG, QUIET)
    (home.home / "ledger.json").unlink()
    before = _state(home)
    lines, work = _told(home)
    assert any(line.startswith("0 recordings decoded") for line in lines)
    assert work == 0
    assert _state(home) == before
    assert home.buckets.count == 128


KILLED = """
import os, signal, sys
from pathlib import Path
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.home.events import Events
from simsong_pipeline.runs.splitting import split_home
assert "torch" not in sys.modules
left = int(sys.argv[2])
def count(event, arguments):
    global left
    if event in ("os.rename", "os.link", "os.remove") and ".holder" not in str(arguments):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
home, quiet = Workspace(Path(sys.argv[1])), Events(lambda _: None, lambda *_: None, lambda _: None)
split_home(home, home.load_config(), quiet)
print(int(sys.argv[2]) - left)
"""


def _killed_at(home: Path, moment: int) -> subprocess.CompletedProcess[str]:
    """A split that is killed before the `moment`th file of it appears under its name or disappears."""
    command = [sys.executable, "-c", KILLED, str(home), str(moment)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_killed_at_any_moment_a_split_leaves_one_home_or_the_other_and_is_finished(
    home: Workspace, tmp_path: Path
) -> None:
    before, alone = _state(home), tmp_path / "alone"
    shutil.copytree(home.home, alone)
    done = _killed_at(alone, 10**9)
    assert done.returncode == 0, done.stderr
    moments = int(done.stdout)
    whole = {path.name for path in (alone / "features").iterdir()}
    numbers = []
    for moment in [3, *np.random.default_rng(0).integers(5, moments, 2).tolist(), moments - 3, moments]:
        copy = tmp_path / f"killed at {moment}"
        shutil.copytree(home.home, copy)
        assert _killed_at(copy, moment).returncode == -signal.SIGKILL
        killed = Workspace(copy)
        numbers.append(killed.buckets.count)
        assert _state(killed) == before
        if killed.buckets == USUAL or killed.bucket_number.beside() is not None:
            split_home(killed, SMALL_CONFIG, QUIET)
        assert (killed.buckets.count, killed.bucket_number.beside()) == (128, None)
        assert _state(killed) == before
        assert {path.name for path in (copy / "features").iterdir()} == whole
        shutil.rmtree(copy)
    assert set(numbers) == {64, 128}


@pytest.mark.slow
@pytest.mark.parametrize("number", [64, 128])
def test_a_night_between_a_killed_split_and_its_end_decodes_nothing(home: Workspace, number: int) -> None:
    before = _state(home)
    # In the midst of writing what was heard; long after the number was exchanged, when nothing is left to delete.
    _killed_at(home.home, 20 if number == 64 else 10**9)
    if number == 128:
        home.bucket_number.put(Buckets(128), beside=USUAL)
        (home.home / "ledger.json").unlink()
    assert home.buckets.count == number
    assert "`simsong split` finishes it" in verify_home(home, None, QUIET).notes[0]
    lines, work = _told(home)
    assert any(line.startswith("0 recordings decoded") for line in lines)
    assert work == 0
    assert _state(home) == before
    assert split_home(home, SMALL_CONFIG, QUIET).finished == (number == 128)
    assert _state(home) == before
    assert verify_home(home, None, QUIET).notes == []


@pytest.mark.slow
def test_what_a_worker_embedded_before_a_split_is_taken_over_after_it(home: Workspace) -> None:
    for folder in ("features", "frames"):
        shutil.rmtree(home.home / folder)
    done = work_on_buckets(run_of(home), range(64))
    assert min(done.decoded, done.lyrics, done.embedded) > 0
    split_home(home, SMALL_CONFIG, QUIET)
    written = {path: path.stat().st_mtime_ns for path in home.ready.rglob("bucket-*")}
    assert written
    again = work_on_buckets(run_of(home), range(128))
    assert (again.decoded, again.lyrics, again.embedded) == (0, done.lyrics, done.embedded)
    assert {path: path.stat().st_mtime_ns for path in home.ready.rglob("bucket-*")} == written
    assert not [path for path in home.home.rglob("*bucket-*") if "-of-0128" not in path.name]


def test_a_split_asks_for_room_first(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.home.rglob("*") if not path.name.startswith(".")}
    full = shutil.disk_usage(home.home)._replace(free=1_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: full)
        with pytest.raises(DiskFullError, match="MB are needed"):
            split_home(home, SMALL_CONFIG, QUIET)
    after = {path: path.stat().st_mtime_ns for path in home.home.rglob("*") if not path.name.startswith(".")}
    assert {path.name for path in before.keys() ^ after.keys()} == set()
    assert home.buckets == USUAL


def test_a_split_waits_for_a_worker_and_a_worker_that_waited_begins_anew(home: Workspace) -> None:
    store = home.features(SMALL_CONFIG)
    with store.held([5]), pytest.raises(BusyError, match="bucket 5 of"):
        split_home(Workspace(home.home, wait_s=0), SMALL_CONFIG, QUIET)
    assert home.buckets == USUAL
    split_home(home, SMALL_CONFIG, QUIET)
    with pytest.raises(BusyError, match="were split meanwhile: run the same command again"), store.held([5]):
        pass


def test_a_home_of_the_greatest_number_and_one_that_is_none_are_refused(tmp_path: Path, home: Workspace) -> None:
    home.bucket_number.put(Buckets(MOST))
    with pytest.raises(SimSongError, match="there cannot be more: nothing was changed"):
        split_home(home, SMALL_CONFIG, QUIET)
    with pytest.raises(RawDataError, match="nothing is known under"):
        split_home(Workspace(tmp_path / "misspelt"), SMALL_CONFIG, QUIET)
    assert not (tmp_path / "misspelt").exists()
