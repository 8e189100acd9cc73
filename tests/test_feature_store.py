"""The feature store: what is decoded again, and what a reader sees."""

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import hear_tasks

from simsong_pipeline.audio import feature_store
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.feature_store import AudioFrames, FeatureStore
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.buckets import USUAL
from simsong_pipeline.config import AudioConfig, EncoderConfig, LogMelConfig, PipelineConfig
from simsong_pipeline.errors import UNREAD, SchemaError
from simsong_pipeline.files import is_as_written

MEL = LogMelConfig()
CONFIG = PipelineConfig(encoder=EncoderConfig(kind="convolution"))
ROWS = feature_format(CONFIG)


def _write(path: Path, pitch: float) -> None:
    wave = 0.3 * np.sin(2 * np.pi * pitch * np.arange(16_000 * 4) / 16_000)
    soundfile.write(path, wave, 16_000)


def _task(path: Path) -> AudioTask:
    stat = path.stat() if path.is_file() else None
    size, modified = (stat.st_size, stat.st_mtime_ns) if stat else (-1, -1)
    return AudioTask(path.stem, str(path), size, modified, None)


@pytest.fixture
def songs(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"song{n}.wav" for n in range(6)]
    for n, path in enumerate(paths):
        _write(path, 200 + 100 * n)
    return paths


def _refresh(folder: Path, songs: list[Path], audio: AudioConfig | None = None) -> AudioFrames:
    tasks = [_task(p) for p in songs]
    return hear_tasks(folder / "features", tasks, CONFIG.model_copy(update={"audio": audio or AudioConfig()}))


def test_reader_gives_the_log_mel_of_the_recording(tmp_path: Path, songs: list[Path]) -> None:
    reader = FeatureStore(tmp_path / "features", ROWS).reader(_refresh(tmp_path, songs).segment_features)
    for path in songs:
        expected = log_mel(decode(path, 16_000, 60).samples, MEL)
        np.testing.assert_allclose(reader[path.stem].astype(np.float32), expected.astype(np.float32), atol=0.51)


def test_second_refresh_decodes_nothing(tmp_path: Path, songs: list[Path]) -> None:
    first = _refresh(tmp_path, songs)
    second = _refresh(tmp_path, songs)
    assert (first.decoded, second.decoded) == (6, 0)
    assert first.segment_features.equals(second.segment_features)


def test_a_night_reads_the_files_of_the_buckets_that_changed_and_no_others(
    tmp_path: Path, songs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _refresh(tmp_path, songs)
    _refresh(tmp_path, songs)  # what the first one wrote is read here
    read: list[str] = []

    def noted(path: Path) -> bool:
        read.append(path.name)
        return is_as_written(path)

    monkeypatch.setattr(feature_store, "is_as_written", noted)
    again = _refresh(tmp_path, songs)
    assert (again.decoded, read) == (0, [])
    _write(songs[2], 777)
    assert _refresh(tmp_path, songs).decoded == 1
    assert set(read) == {f"{USUAL.name(USUAL.of('song2'))}.parquet"}


def test_only_the_changed_recording_is_decoded(tmp_path: Path, songs: list[Path]) -> None:
    before = _refresh(tmp_path, songs)
    _write(songs[2], 777)
    after = _refresh(tmp_path, songs)
    assert after.decoded == 1
    joined = before.audio.join(after.audio, on="track_id")
    changed = joined.filter(joined["audio_sha256"] != joined["audio_sha256_right"])
    assert changed["track_id"].to_list() == ["song2"]


def test_new_tags_alone_leave_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    _write(path, 300)
    before = _refresh(tmp_path, [path]).audio["audio_sha256"]
    with soundfile.SoundFile(path) as source:
        samples = source.read()
    with soundfile.SoundFile(path, "w", 16_000, 1) as target:
        target.title = "another title"
        target.write(samples)
    after = _refresh(tmp_path, [path])
    assert after.decoded == 1
    assert after.audio["audio_sha256"].equals(before)


def test_vanished_recording_leaves_the_features(tmp_path: Path, songs: list[Path]) -> None:
    _refresh(tmp_path, songs)
    left = _refresh(tmp_path, songs[1:])
    assert left.decoded == 0
    assert "song0" not in left.segment_features["track_id"].to_list()
    reader = FeatureStore(tmp_path / "features", ROWS).reader(left.segment_features)
    assert {len(reader[t]) for t in reader} == {201}


def test_bad_file_is_a_row_with_a_reason(tmp_path: Path, songs: list[Path]) -> None:
    songs[0].write_bytes(b"<html>")
    songs[1].unlink()
    audio = _refresh(tmp_path, songs).audio
    reasons = dict(audio.filter(audio["status"] != "ok").select("track_id", "reason").rows())
    assert reasons["song0"].startswith("not decodable")
    assert reasons["song1"].startswith("file is missing")


def test_file_that_comes_back_is_noticed(tmp_path: Path, songs: list[Path]) -> None:
    songs[1].unlink()
    _refresh(tmp_path, songs)
    _write(songs[1], 300)
    assert _refresh(tmp_path, songs).decoded == 1


def test_recording_that_could_not_be_read_is_decoded_again(tmp_path: Path, songs: list[Path]) -> None:
    task = _task(songs[1])
    away = songs[1].rename(tmp_path / "on a drive that is off")
    off = hear_tasks(tmp_path / "features", [task], CONFIG)
    away.rename(songs[1])
    on = hear_tasks(tmp_path / "features", [task], CONFIG)
    assert off.audio["reason"][0].startswith(UNREAD)
    assert on.audio["status"].to_list() == ["ok"]


def test_changed_checks_look_at_every_recording_again(tmp_path: Path, songs: list[Path]) -> None:
    _refresh(tmp_path, songs)
    assert _refresh(tmp_path, songs, AudioConfig(min_seconds=3.5)).decoded == 6


def test_missing_recording_does_not_write_its_bucket_again(tmp_path: Path, songs: list[Path]) -> None:
    songs[1].unlink()
    _refresh(tmp_path, songs)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "features").glob("bucket-*")}
    _refresh(tmp_path, songs)
    assert before == {p.name: p.stat().st_mtime_ns for p in (tmp_path / "features").glob("bucket-*")}


def test_corrected_duration_is_looked_at_again(tmp_path: Path, songs: list[Path]) -> None:
    config = CONFIG.model_copy(update={"audio": AudioConfig(max_seconds=1000)})
    for expected, status in ((900.0, "invalid"), (4.0, "ok")):
        task = replace(_task(songs[0]), expected_s=expected)
        frames = hear_tasks(tmp_path / "features", [task], config)
        assert frames.audio["status"].to_list() == [status]


def test_damaged_bucket_is_named(tmp_path: Path, songs: list[Path]) -> None:
    _refresh(tmp_path, songs)
    next((tmp_path / "features").glob("*.parquet")).write_bytes(b"damaged")
    with pytest.raises(SchemaError, match=r"bucket-\d\d\.parquet is damaged"):
        _refresh(tmp_path, songs)


def test_number_of_workers_changes_nothing(tmp_path: Path, songs: list[Path]) -> None:
    frames = []
    for workers in (1, 4):
        folder = tmp_path / str(workers)
        frames.append(_refresh(folder, songs, AudioConfig(workers=workers)).segment_features)
    assert frames[0].equals(frames[1])


def test_leftover_of_a_killed_run_does_no_harm(tmp_path: Path, songs: list[Path]) -> None:
    folder = tmp_path / "features"
    before = _refresh(tmp_path, songs)
    leftovers = [folder / ".bucket-00.dead.part", folder / "bucket-00-0123456789abcdef.f16"]
    for leftover in leftovers:
        leftover.write_bytes(b"half")
    os.utime(songs[3])
    after = _refresh(tmp_path, songs)
    assert after.segment_features.equals(before.segment_features)
    assert not [p for p in leftovers if p.exists()]


def _in_one_bucket(folder: Path, count: int) -> list[Path]:
    """Half seconds of noise whose track ids share a bucket."""
    names = (f"song{n}" for n in range(10_000))
    same = [name for name in names if USUAL.of(name) == 7][:count]
    rng = np.random.default_rng(0)
    for name in same:
        soundfile.write(folder / f"{name}.wav", rng.uniform(-0.5, 0.5, 8_000), 16_000)
    return [folder / f"{name}.wav" for name in same]


SHORT = AudioConfig(min_seconds=0.1)


def _frames_on_disk(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_size // (2 * MEL.n_mels) for p in (folder / "features").glob("*.f16")}


def test_a_new_song_does_not_copy_a_large_bucket(tmp_path: Path) -> None:
    songs = _in_one_bucket(tmp_path, 6)
    _refresh(tmp_path, songs[:5], SHORT)
    before = _frames_on_disk(tmp_path)
    _refresh(tmp_path, songs, SHORT)
    after = _frames_on_disk(tmp_path)
    assert before.items() < after.items()
    assert sorted(after.values()) == [26, 5 * 26]


def test_a_bucket_that_grows_song_by_song_has_few_files_and_few_copies(tmp_path: Path) -> None:
    songs = _in_one_bucket(tmp_path, 40)
    written, seen = 0, set[str]()
    for night in range(40):
        frames = _refresh(tmp_path, songs[: night + 1], SHORT)
        files = _frames_on_disk(tmp_path)
        written += sum(size for name, size in files.items() if name not in seen)
        seen |= files.keys()
    sizes = sorted(files.values())
    assert sum(sizes) == 40 * 26
    assert all(larger > 2 * smaller for smaller, larger in pairwise(sizes))
    # Writing the whole bucket each night would have been 820 songs.
    assert written < 820 * 26 / 4
    reader = FeatureStore(tmp_path / "features", ROWS).reader(frames.segment_features)
    for path in songs:
        expected = log_mel(decode(path, 16_000, 60).samples, MEL)
        np.testing.assert_allclose(reader[path.stem].astype(np.float32), expected.astype(np.float32), atol=0.51)


@pytest.mark.parametrize(("left", "on_disk"), [(6, 10), (4, 4)])
def test_a_file_is_written_again_when_half_of_it_is_of_songs_that_left(tmp_path: Path, left: int, on_disk: int) -> None:
    songs = _in_one_bucket(tmp_path, 10)
    _refresh(tmp_path, songs, SHORT)
    frames = _refresh(tmp_path, songs[:left], SHORT)
    assert sum(_frames_on_disk(tmp_path).values()) == on_disk * 26
    assert frames.segment_features["frames"].sum() == left * 26


def test_a_file_that_is_as_large_as_what_others_leave_is_written_again_with_it(tmp_path: Path) -> None:
    songs = _in_one_bucket(tmp_path, 14)
    _refresh(tmp_path, songs[:10], SHORT)
    _refresh(tmp_path, songs[:13], SHORT)
    _refresh(tmp_path, songs[6:], SHORT)
    assert list(_frames_on_disk(tmp_path).values()) == [8 * 26]


def test_a_features_file_that_lost_its_end_is_not_copied(tmp_path: Path) -> None:
    songs = _in_one_bucket(tmp_path, 2)
    _refresh(tmp_path, songs[:1], SHORT)
    file = next((tmp_path / "features").glob("*.f16"))
    os.truncate(file, file.stat().st_size - 5 * 2 * MEL.n_mels)
    with pytest.raises(SchemaError, match=r"features file .*bucket-07-\w+\.f16 is damaged: delete "):
        _refresh(tmp_path, songs, SHORT)


def test_a_features_file_that_is_missing_is_named_and_its_songs_are_heard_anew(tmp_path: Path) -> None:
    songs = _in_one_bucket(tmp_path, 2)
    before = _refresh(tmp_path, songs[:1], SHORT)
    file = next((tmp_path / "features").glob("*.f16"))
    file.unlink()
    reader = FeatureStore(tmp_path / "features", ROWS).reader(before.segment_features)
    with pytest.raises(SchemaError, match=r"features file .*bucket-07-\w+\.f16 is missing: run .simsong refresh."):
        reader[songs[0].stem]
    after = _refresh(tmp_path, songs, SHORT)
    assert after.decoded == 2
    assert len(FeatureStore(tmp_path / "features", ROWS).reader(after.segment_features)[songs[0].stem]) == 26


def test_a_flipped_bit_in_a_song_is_noticed_and_its_neighbours_are_readable(tmp_path: Path) -> None:
    songs = _in_one_bucket(tmp_path, 3)
    frames = _refresh(tmp_path, songs, SHORT).segment_features
    damaged = frames.sort("offset").row(1, named=True)
    path = tmp_path / "features" / damaged["file"]
    data = bytearray(path.read_bytes())
    data[damaged["offset"] * 2 * MEL.n_mels + 11] ^= 4
    path.write_bytes(data)
    reader = FeatureStore(tmp_path / "features", ROWS).reader(frames)
    for track_id in frames["track_id"].to_list():
        if track_id == damaged["track_id"]:
            with pytest.raises(
                SchemaError, match=rf"{damaged['file']} is damaged: delete it and run `simsong refresh`"
            ):
                reader[track_id]
        else:
            assert len(reader[track_id]) == 26


def test_a_flipped_bit_in_what_a_bucket_says_of_its_songs_is_noticed(tmp_path: Path) -> None:
    songs = _in_one_bucket(tmp_path, 2)
    _refresh(tmp_path, songs, SHORT)
    path = tmp_path / "features" / "bucket-07.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(SchemaError, match=r"bucket-07\.parquet is damaged \(its bytes changed\): delete it and run"):
        _refresh(tmp_path, songs, SHORT)
    path.unlink()
    assert _refresh(tmp_path, songs, SHORT).decoded == 2


def test_songs_that_were_heard_before_there_were_checksums_are_kept(
    tmp_path: Path,
) -> None:
    songs = _in_one_bucket(tmp_path, 2)
    _refresh(tmp_path, songs, SHORT)
    path = tmp_path / "features" / "bucket-07.parquet"
    path.with_name("bucket-07.parquet.crc32").unlink()
    pl.read_parquet(path).drop("checksum").write_parquet(path)
    after = _refresh(tmp_path, songs, SHORT)
    assert after.decoded == 0
    reader = FeatureStore(tmp_path / "features", ROWS).reader(after.segment_features.drop("checksum"))
    assert all(len(reader[song.stem]) == 26 for song in songs)


def test_rows_of_other_bodies_or_of_more_patches_are_other_rows() -> None:
    bodies = [
        {"models": ["musicnn-msd"]},
        {"models": ["musicnn-mtt"]},
        {"models": ["musicnn-msd", "musicnn-mtt"]},
        {"models": ["musicnn-mtt", "musicnn-msd"]},
        {"models": ["musicnn-msd"], "patches": 4},
    ]
    versions = [feature_format(PipelineConfig.model_validate({"body": body})).version for body in bodies]
    assert len(set(versions)) == len(bodies)
