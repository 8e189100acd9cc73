"""The sample's HDF5 files: the official arrays, measured of the songs' own sound, with and without recordings."""

from pathlib import Path

import h5py
import numpy as np
from conftest import SMALL_SAMPLE

from simsong_pipeline.sources.msd_hdf5 import read_summary_file
from simsong_pipeline.sources.sample.drawing import draw_catalogue
from simsong_pipeline.sources.sample.generate import read_description
from simsong_pipeline.sources.sample.hdf5_files import ARRAYS, Analysed, write_aggregate_file


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file["analysis"][name][()] for name in ARRAYS}


def test_genuine_files_have_the_same_tables_and_arrays(shared: Path, features_raw: Path) -> None:
    kinds = []
    for root in (shared / "msd/h5", features_raw / "msd/data"):
        with h5py.File(min(root.rglob("*.h5"))) as file:
            tables = [file[f"{g}/songs"].dtype for g in ("analysis", "metadata", "musicbrainz")]
            arrays = {n: (file["analysis"][n].dtype, file["analysis"][n].shape[1:]) for n in ARRAYS}
            kinds.append((tables, arrays, set(file["analysis"])))
    assert kinds[0] == kinds[1]


def test_each_song_has_events_as_long_as_the_song(sample_raw: Path) -> None:
    description = read_description(sample_raw)
    for path in (sample_raw / "msd/data").rglob("*.h5"):
        arrays = _arrays(path)
        starts = arrays["segments_start"]
        assert len({len(v) for n, v in arrays.items() if n.startswith("segments")}) == 1
        assert starts[0] == 0
        assert (np.diff(starts) > 0.05).all()
        assert 4 < starts[-1] < 7
        assert 0.1 < np.diff(starts).mean() < 1.0, path.stem
    assert len(description["songs"]) == 48  # type: ignore[arg-type]


def test_without_recordings_the_files_say_the_same(sample_raw: Path, features_raw: Path) -> None:
    faults = read_description(features_raw)["faults"]
    broken = {faults["truncated"], faults["missing_audio"]}  # type: ignore[index]
    trees = [{p.stem: _arrays(p) for p in (raw / "msd/data").rglob("*.h5")} for raw in (sample_raw, features_raw)]
    np.testing.assert_equal(*({t: a for t, a in tree.items() if t not in broken} for tree in trees))
    assert trees[0].keys() == trees[1].keys()
    assert not (features_raw / "audio").exists()


def test_without_recordings_the_faults_of_recordings_lie_in_what_is_heard(features_raw: Path) -> None:
    faults: dict[str, str] = read_description(features_raw)["faults"]  # type: ignore[assignment]
    files = {p.stem: _arrays(p) for p in (features_raw / "msd/data").rglob("*.h5")}
    lengths = {t: (len(a["segments_start"]), len(a["segments_timbre"])) for t, a in files.items()}
    assert lengths[faults["missing_audio"]] == (0, 0)
    damaged = {t for t, (starts, timbres) in lengths.items() if starts != timbres}
    assert damaged == {faults["truncated"]}


def test_songs_of_a_style_sound_alike_in_their_timbre(sample_raw: Path) -> None:
    styles = {t: s["style"] for t, s in read_description(sample_raw)["songs"].items()}  # type: ignore[attr-defined]
    files = sorted((sample_raw / "msd/data").rglob("*.h5"))
    means = np.array([_arrays(p)["segments_timbre"][:, 1:].mean(axis=0) for p in files])
    means = (means - means.mean(axis=0)) / means.std(axis=0)
    same = np.array([[styles[a.stem] == styles[b.stem] for a in files] for b in files])
    away = np.linalg.norm(means[:, None] - means[None], axis=2)
    others = ~np.eye(len(files), dtype=bool)
    assert away[same & others].mean() < 0.9 * away[~same].mean()


def test_arrays_of_an_aggregate_begin_where_its_rows_say(tmp_path: Path) -> None:
    rng, tracks = np.random.default_rng(0), draw_catalogue(SMALL_SAMPLE).tracks
    counts = [3, 0, 5]
    songs = [
        Analysed(t, arrays={"segments_timbre": rng.normal(size=(n, 12)), "segments_start": np.arange(n, dtype=float)})
        for t, n in zip(tracks, counts, strict=False)
    ]
    write_aggregate_file(tmp_path / "three.h5", songs)
    with h5py.File(tmp_path / "three.h5") as file:
        rows = file["analysis/songs"][()]
        assert rows["idx_segments_timbre"].tolist() == rows["idx_segments_start"].tolist() == [0, 3, 3]
        np.testing.assert_array_equal(file["analysis/segments_timbre"][3:8], songs[2].array("segments_timbre"))
    assert read_summary_file(tmp_path / "three.h5")["track_id"].to_list() == [t.track_id for t in tracks[:3]]
