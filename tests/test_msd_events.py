"""Events out of the data set's HDF5 files: values as they are stored, places, and what cannot be used, with reasons."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from simsong_pipeline.audio.event_layout import DURATION, LOUDNESS_MAX, PITCHES, TIMBRE
from simsong_pipeline.audio.preparation import AudioTask, prepare
from simsong_pipeline.config import AudioConfig, EncoderConfig, PipelineConfig
from simsong_pipeline.errors import AudioError, RawDataError
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.sources.msd_arrays import EventFiles
from simsong_pipeline.sources.msd_events import find_event_files, has_events
from simsong_pipeline.sources.sample.generate import read_description
from simsong_pipeline.sources.sample.hdf5_files import (
    Analysed,
    Arrays,
    write_aggregate_file,
    write_summary_file,
    write_track_file,
)
from simsong_pipeline.sources.sample.msd_files import MsdTrack
from simsong_pipeline.stages.feature_room import room_line

EVENTS = PipelineConfig(encoder=EncoderConfig(kind="events"))


def _track(number: int = 0, seconds: float = 30.0) -> MsdTrack:
    names = (f"TRAAA{number:02d}128F0000000", "SO", "AR", "Artist", "Title", "Release")
    return MsdTrack(*names, 2000, seconds, 120.0, 0, 1, 0.5)


def _arrays(seed: int = 0, events: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "segments_start": np.cumsum(rng.uniform(0.1, 0.9, events)) - 0.1,
        "segments_timbre": rng.normal(0, 60, (events, 12)),
        "segments_pitches": rng.random((events, 12)),
        "segments_loudness_start": rng.uniform(-60, 0, events),
        "segments_loudness_max": rng.uniform(-60, 0, events),
        "segments_loudness_max_time": rng.uniform(0, 0.1, events),
    }


def _file(folder: Path, arrays: Arrays, track: MsdTrack | None = None) -> Path:
    return write_track_file(folder, Analysed(track or _track(), -8.5, arrays))


def _heard(path: Path | str):
    return prepare(AudioTask("T", str(path), 1, 1, None), AudioConfig(), open_listener(EVENTS, None))  # type: ignore[arg-type]


def test_genuine_values_are_those_of_the_file(shared: Path) -> None:
    for path in sorted((shared / "msd/h5").glob("*.h5")):
        found = EventFiles().read(str(path), 0)
        with h5py.File(path) as file:
            analysis, song = file["analysis"], file["analysis/songs"][0]
            np.testing.assert_array_equal(found.timbre, analysis["segments_timbre"][()])
            for columns, name in (
                (TIMBRE, "segments_timbre"),
                (PITCHES, "segments_pitches"),
                (LOUDNESS_MAX, "segments_loudness_max"),
            ):
                np.testing.assert_array_equal(found.rows[:, columns], analysis[name][()].astype(np.float16))
            lengths = np.diff(analysis["segments_start"][()], append=song["duration"])
            np.testing.assert_allclose(found.rows[:, DURATION], lengths, rtol=1e-3)
            stated = (song["duration"], round(float(song["loudness"]), 2), round(float(song["tempo"]), 1))
        assert (found.duration_s, found.loudness_db, found.tempo_bpm) == stated


def test_a_song_has_rows_a_description_and_a_hash_and_nothing_was_decoded(tmp_path: Path) -> None:
    arrays = _arrays()
    prepared = _heard(_file(tmp_path, arrays))
    assert (prepared.status, prepared.duration_s) == ("ok", 30.0)
    assert prepared.features is not None
    np.testing.assert_array_equal(prepared.features[:, TIMBRE], arrays["segments_timbre"].astype(np.float16))
    described = prepared.description
    assert described is not None
    assert (described.loudness_db, described.tempo_bpm) == (-8.5, 120.0)
    np.testing.assert_allclose(described.timbre[:12], arrays["segments_timbre"].mean(axis=0), rtol=1e-5)
    covariance = np.cov(arrays["segments_timbre"], rowvar=False)[np.triu_indices(12)]
    np.testing.assert_allclose(described.timbre[12:], covariance, rtol=1e-4)


def test_the_hash_is_of_the_values_whatever_file_holds_them(tmp_path: Path) -> None:
    first, again, other = (_arrays(seed) for seed in (0, 0, 1))
    paths = [_file(tmp_path / name, a) for name, a in zip("abc", (first, again, other), strict=True)]
    paths[1].write_bytes(paths[1].read_bytes() + b" ")
    hashes = [_heard(path).audio_sha256 for path in paths]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        (dict.fromkeys(_arrays(), slice(0, 0)), "no features: its arrays are empty"),
        (dict.fromkeys(_arrays(), slice(0, 5)), "too short: 5 events"),
        ({"segments_timbre": slice(0, 20)}, "lengths differ: 40 of segments_start, 20 of segments_timbre"),
        ({"segments_start": slice(None, None, -1)}, "segments_start does not increase"),
    ],
)
def test_arrays_that_cannot_be_used_say_why(tmp_path: Path, change: dict[str, slice], reason: str | None) -> None:
    arrays = _arrays()
    prepared = _heard(_file(tmp_path, arrays | {name: arrays[name][part] for name, part in change.items()}))
    assert (prepared.status == "ok") == (reason is None)
    assert reason is None or (prepared.reason or "").startswith(reason)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("name", sorted(_arrays()))
def test_one_value_that_is_none_costs_the_track(tmp_path: Path, name: str, value: float) -> None:
    arrays = _arrays()
    arrays[name].reshape(-1)[-1] = value
    prepared = _heard(_file(tmp_path, arrays))
    assert prepared.status == "invalid"
    assert name in (prepared.reason or "")


@pytest.mark.parametrize("kind", ["soft", "external", "missing", "virtual", "elsewhere", "text", "flat"])
def test_what_is_no_array_of_the_file_is_refused(tmp_path: Path, kind: str) -> None:
    path, name = _file(tmp_path, _arrays()), "analysis/segments_pitches"
    other = _file(tmp_path / "other", _arrays(1))
    with h5py.File(path, "a") as file:
        values = file[name][()]
        del file[name]
        if kind == "soft":
            file[name] = h5py.SoftLink("/analysis/segments_timbre")
        elif kind == "external":
            file[name] = h5py.ExternalLink(str(other), name)
        elif kind == "virtual":
            layout = h5py.VirtualLayout((40, 12), "f8")
            layout[:] = h5py.VirtualSource(str(other), name, (40, 12))
            file.create_virtual_dataset(name, layout)
        elif kind == "elsewhere":
            (tmp_path / "raw.bin").write_bytes(values.tobytes())
            file.create_dataset(name, (40, 12), "f8", external=[(str(tmp_path / "raw.bin"), 0, values.nbytes)])
        elif kind == "text":
            file[name] = np.full((40, 12), b"x")
        elif kind == "flat":
            file[name] = values.reshape(-1)
    prepared = _heard(path)
    assert prepared.status == "invalid"
    assert "segments_pitches" in (prepared.reason or "")


@pytest.mark.parametrize("shape", [(30_000_000,), (300_000,)])
def test_arrays_of_absurd_sizes_are_not_read(tmp_path: Path, shape: tuple[int]) -> None:
    path = _file(tmp_path, _arrays())
    with h5py.File(path, "a") as file:
        del file["analysis/segments_start"]
        file.create_dataset("analysis/segments_start", shape, "f8", chunks=(1024,))  # of zeros that take no room
    assert "segments_start" in (_heard(path).reason or "") or "events" in (_heard(path).reason or "")


def test_a_piece_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    path = _file(tmp_path, _arrays())
    with h5py.File(path, "a") as file:
        del file["analysis/segments_start"]
        file.create_dataset("analysis/segments_start", (40,), "f8", chunks=(300_000_000,), maxshape=(None,))
    assert "pieces" in (_heard(path).reason or "")


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_a_file_that_is_no_hdf5_is_one_bad_row(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "TR.h5"
    path.write_bytes(content)
    assert "cannot be read as the data set's HDF5" in (_heard(path).reason or "")


@pytest.mark.parametrize("seconds", [float("nan"), 0.0, -1.0])
def test_without_a_duration_the_last_event_is_as_long_as_most(tmp_path: Path, seconds: float) -> None:
    arrays = _arrays()
    found = EventFiles().read(str(_file(tmp_path, arrays, _track(seconds=seconds))), 0)
    usual = float(np.median(np.diff(arrays["segments_start"])))
    assert found.duration_s == pytest.approx(arrays["segments_start"][-1] + usual)


def test_tracks_of_an_aggregate_are_those_of_their_own_files(tmp_path: Path) -> None:
    songs = [Analysed(_track(n), -8.5, _arrays(n, 20 + n)) for n in range(6)]
    songs[3] = Analysed(_track(3), -8.5, {})
    for song in songs:
        write_track_file(tmp_path / "one/data", song)
    write_aggregate_file(tmp_path / "many/aggregates/a.h5", songs[:4])
    write_aggregate_file(tmp_path / "many/aggregates/b.h5", songs[4:])
    write_summary_file(tmp_path / "many/msd_summary_file.h5", [s.track for s in songs])
    one, many = (find_event_files(tmp_path / name).sort("track_id") for name in ("one", "many"))
    assert one["track_id"].to_list() == many["track_id"].to_list() == [s.track.track_id for s in songs]
    for mine, theirs in zip(one["path"], many["path"], strict=True):
        first, second = _heard(mine), _heard(theirs)
        assert (first.status, first.reason) == (second.status, second.reason)
        assert first.audio_sha256 == second.audio_sha256
    assert _heard(many["path"][3]).reason == "no features: its arrays are empty"


@pytest.mark.parametrize("first", [-5, 1_000])
def test_an_aggregate_whose_rows_lead_out_of_it_says_so(tmp_path: Path, first: int) -> None:
    write_aggregate_file(tmp_path / "a.h5", [Analysed(_track(n), -8.5, _arrays(n)) for n in range(3)])
    with h5py.File(tmp_path / "a.h5", "a") as file:
        rows = file["analysis/songs"][()]
        rows["idx_segments_pitches"][1] = first
        file["analysis/songs"][...] = rows
    assert "leads out of the array" in (_heard(f"{tmp_path}/a.h5#1").reason or "")
    assert _heard(f"{tmp_path}/a.h5#2").status == "ok"
    assert "row 9 is not there" in (_heard(f"{tmp_path}/a.h5#9").reason or "")


def test_a_summary_file_has_no_features(features_raw: Path, tmp_path: Path) -> None:
    extra = features_raw / "msd/AdditionalFiles"
    assert not has_events(extra)
    assert "summary file has none" in (_heard(extra / "msd_summary_file.h5").reason or "")
    with pytest.raises(RawDataError, match="no features below"):
        find_event_files(tmp_path)


def test_the_sample_is_heard_but_for_its_planted_faults(features_raw: Path) -> None:
    faults: dict[str, str] = read_description(features_raw)["faults"]  # type: ignore[assignment]
    files = find_event_files(features_raw / "msd")
    bad = {t: r for t, p in files.select("track_id", "path").rows() if (r := _heard(p).reason)}
    assert bad.keys() == {faults["truncated"], faults["missing_audio"]}
    assert "lengths differ" in bad[faults["truncated"]]
    assert "empty" in bad[faults["missing_audio"]]


def test_a_recording_has_no_way_to_such_features() -> None:
    with pytest.raises(AudioError, match="a recording has none"):
        open_listener(EVENTS, None).front_end.inputs(np.zeros(100, np.float32))  # type: ignore[arg-type]


def test_what_features_will_take_is_said_by_the_events_of_tracks_from_all_of_the_list(tmp_path: Path) -> None:
    few, many = (_file(tmp_path / name, _arrays(events=n)) for name, n in (("few", 40), ("many", 160)))
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(b"no HDF5")
    files = [few] * 40 + [damaged] * 20 + [many] * 40  # each track's row of float16: 28 values an event
    tasks = [AudioTask(f"T{number}", str(path), 1, 1, None) for number, path in enumerate(files)]
    assert "features of 100 tracks are read once, some 5.6 kB each, 0.56 MB below" in room_line(tasks, tmp_path)
    assert "features of 20 tracks are read once below" in room_line(tasks[40:60], tmp_path)
    assert "features of 0 tracks" in room_line([], tmp_path)
