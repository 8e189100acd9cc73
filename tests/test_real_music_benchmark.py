"""The benchmark of real music: what it asks, how it counts, and what it makes of a planted collection."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from benchmarks.nights import write_song
from benchmarks.real_music.collection import Collection, read_collection
from benchmarks.real_music.heads import songs_by_artist
from benchmarks.real_music.hearing import Heard, columns, hear_all
from benchmarks.real_music.material import cosines
from benchmarks.real_music.measuring import measure
from benchmarks.real_music.methods import gaussian_proximity
from benchmarks.real_music.peers import PACKAGES, is_installed, peer_scores
from benchmarks.real_music.places import COUNTS, even, named_places, spacings
from benchmarks.real_music.tables import differences, summary
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.musicnn_front_end import patches
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.model_cache import MusicnnFiles
from simsong_pipeline.listening import patch_starts


def _collection(artist: str, genre: str, source: str) -> Collection:
    """One letter a recording; a dot is none."""
    labels = (np.array([c.replace(".", "") for c in letters]) for letters in (artist, genre, source))
    return Collection([Path(f"{n}.ogg") for n in range(len(artist))], *labels)


def test_what_is_asked_by_hand() -> None:
    tasks = _collection(artist="aabbc", genre="xxx.y", source="sstss").tasks()
    assert tasks["artist"].relevant.toarray().astype(int).tolist() == [
        [0, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    # Recordings without a genre are like no other, and remain wrong answers.
    assert np.flatnonzero(tasks["genre"].queries).tolist() == [0, 1, 2]
    assert tasks["genre, other artists"].relevant.toarray()[0].tolist() == [False, False, True, False, False]
    assert tasks["artist, within one source"].candidates.of(np.array([0]))[0].tolist() == [
        False,
        True,
        False,
        True,
        True,
    ]


def test_query_that_cannot_be_answered_wrongly_is_not_asked() -> None:
    tasks = _collection(artist="aaabb", genre=".....", source="ssstt").tasks()
    assert set(tasks) == {"artist"}  # within a source, every candidate is of the query's artist


def test_precision_is_of_what_can_be_found_and_chance_is_what_random_rankings_find() -> None:
    rng = np.random.default_rng(0)
    collection = _collection(artist="aaa" + "b" * 20 + "cdefghij", genre="." * 31, source="." * 31)
    draws = [rng.random((31, 31), dtype=np.float32) for _ in range(800)]
    values = measure(draws, collection.tasks(), collection.artist)
    assert values["precision"].mean() == pytest.approx(values["precision_chance"].mean(), abs=0.01)
    assert values["recall"].mean() == pytest.approx(values["recall_chance"].mean(), abs=0.01)
    perfect = (collection.artist[:, None] == collection.artist[None]).astype(np.float32)
    best = measure([perfect], collection.tasks(), collection.artist)
    assert best["precision"].to_list() == [1.0] * 23
    assert best["recall"].to_list() == best["recall_oracle"].to_list() == [1.0] * 3 + [pytest.approx(10 / 19)] * 20


def test_artist_with_many_recordings_counts_once_by_artist() -> None:
    values = pl.DataFrame(
        {
            "method": ["m"] * 10 + ["o"] * 10,
            "task": "artist",
            "query": [*range(10)] * 2,
            "artist": (["many"] * 9 + ["one"]) * 2,
            "precision": [1.0] * 9 + [0.0] + [0.5] * 10,
            **{c: 0.1 for c in ("precision_chance", "recall", "recall_chance", "recall_oracle")},
            "precision_oracle": 1.0,
        }
    )
    means = summary(values, 100).filter(method="m", metric="precision")
    assert dict(means.select("average", "value").rows()) == pytest.approx({"query": 0.9, "artist": 0.5})
    pairs = differences(values, ["o"], 100).filter(metric="precision")
    assert dict(pairs.select("average", "difference").rows()) == pytest.approx({"query": 0.4, "artist": 0.0})


def test_gaussian_proximity_is_the_product_of_both_tails() -> None:
    scores = cosines(np.random.default_rng(1).standard_normal((12, 5)).astype(np.float32))
    found = gaussian_proximity(scores)
    x, y = 3, 7
    tails = []
    for song in (x, y):
        distances = -np.delete(scores[song], song).astype(np.float64)
        tails.append(norm.sf(-scores[x, y], distances.mean(), distances.std()))
    assert found[x, y] == pytest.approx(tails[0] * tails[1], rel=1e-4)


FRAMES = 10 * 187 + 30  # ten patches side by side, and a sixth of one


def test_places_by_hand() -> None:
    by_hand = {
        "beginning": [0, 187, 374],
        "middle": [669, 856, 1043],
        # The middles of thirds of frames 475 to 1425, less half a patch.
        "middle_half": [540, 856, 1173],
    }
    places = spacings(3)
    assert {name: places[name](FRAMES, 0) for name in by_hand} == by_hand


@pytest.mark.parametrize("name", [*named_places(6)])
@pytest.mark.parametrize("frames", [1, 100, 187, 188, 187 * 4, 187 * 6, FRAMES, 11_251])
def test_places_lie_within_the_recording_in_order_and_as_many_as_it_has_room_for(name: str, frames: int) -> None:
    count = int(name.rsplit("_", maxsplit=1)[-1])
    starts = named_places(6)[name](frames, 7)
    assert len(starts) == max(1, min(count, frames // 187))
    assert starts == sorted(starts)
    assert starts[0] >= 0
    assert starts[-1] <= max(0, frames - 187)
    if "half" not in name:  # whose half may be shorter than its patches
        assert all(after - before >= 187 for before, after in pairwise(starts))


def test_drawn_places_are_a_recordings_own_and_lie_anywhere() -> None:
    drawn = spacings(2)["random_0"]
    assert drawn(FRAMES, 1) == drawn(FRAMES, 1) != drawn(FRAMES, 2)
    firsts, lasts = zip(*(drawn(FRAMES, seed) for seed in range(4_000)), strict=True)
    # The least and the greatest of two draws among the frames that are left over.
    room = FRAMES - 2 * 187
    assert np.mean(firsts) == pytest.approx(room / 3, rel=0.03)
    assert np.mean(lasts) == pytest.approx(187 + room * 2 / 3, rel=0.03)


def test_patches_are_those_heard_at_their_very_places() -> None:
    samples = 16_000 * 30
    starts = np.arange(0, 1876, 2)
    heard = Heard(starts, starts[:, None].astype(np.float16), np.zeros(1), np.zeros((1, 64)), samples, 0)
    assert heard.at(lambda frames, seed: [frames - 10, seed]).tolist() == [[1866], [0]]
    with pytest.raises(ValueError, match="from frame 3 on"):
        heard.at(lambda *_: [2, 3])


def test_recording_is_heard_once_at_all_places(tmp_path: Path, musicnn_files: MusicnnFiles) -> None:
    path, config = tmp_path / "song.wav", PipelineConfig()
    write_song(path, np.random.default_rng(0), 12.0)
    told = Events(stage=lambda _: None, progress=lambda *_: None, note=print)
    (heard,) = hear_all([path], tmp_path / "heard", config, told)
    samples = decode(path, 16_000, 180).samples
    body = OnnxBody(musicnn_files.onnx("msd"), config.inference)
    for count in COUNTS:
        expected = body.features(patches(samples, patch_starts(len(samples), count)))
        np.testing.assert_allclose(heard.patches(count)[:, :1756], expected, rtol=1e-3, atol=1e-3)
    for places in named_places(config.body.patches).values():
        assert len(heard.at(places))
    kept = next((tmp_path / "heard").iterdir())
    before = kept.stat().st_mtime_ns
    (again,) = hear_all([path], tmp_path / "heard", config, told)
    assert kept.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.at(even(6)), heard.at(even(6)))


def test_songs_of_one_artist_are_each_others_neighbours() -> None:
    songs = songs_by_artist([np.zeros((1, 2), np.float16)] * 4, np.array(["a", "b", "a", "a"]))
    assert songs.neighbours.toarray().tolist() == [[0, 0, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1], [1, 0, 1, 0]]


def test_manifest_that_lacks_something_is_named(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,genre\nx.ogg,rock\n")
    with pytest.raises(RawDataError, match="no column 'artist'"):
        read_collection(manifest)
    manifest.write_text("path,artist\nx.ogg,somebody\n")
    with pytest.raises(RawDataError, match=r"no recording x\.ogg"):
        read_collection(manifest)


@pytest.mark.parametrize("peer", list(PACKAGES))
def test_peer_finds_the_recordings_made_alike_and_is_asked_once(tmp_path: Path, peer: str) -> None:
    if not is_installed(peer):
        pytest.skip(f"{PACKAGES[peer]} is not installed")
    paths = []
    for number in range(6):
        # Of one drawing each: two recordings that differ in length alone.
        path = tmp_path / f"{number}.wav"
        write_song(path, np.random.default_rng(number // 2), 12.0 + number % 2)
        paths.append(path)
    scores = peer_scores(peer, paths, tmp_path / "kept")
    np.fill_diagonal(scores, -np.inf)
    assert scores.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4]
    kept = next((tmp_path / "kept").iterdir())
    before = kept.stat().st_mtime_ns
    again = peer_scores(peer, paths, tmp_path / "kept")
    assert np.isfinite(again).all()
    assert kept.stat().st_mtime_ns == before


def test_columns_of_bodies_lie_side_by_side() -> None:
    config = PipelineConfig()
    assert columns("musicnn-msd", "penultimate", config).tolist() == list(range(200))
    assert columns("musicnn-mtt", "tags", config).tolist() == list(range(2 * 1756 - 50, 2 * 1756))
