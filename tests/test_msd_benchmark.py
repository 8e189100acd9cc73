"""The benchmark of the Million Song Dataset: protocol, rankings and table beside a slow reference, on planted songs."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from benchmarks.msd.bag_writing import with_bags
from benchmarks.msd.comparing import compared
from benchmarks.msd.drawing import Drawing
from benchmarks.msd.measuring import METRICS, Measured, measured, together
from benchmarks.msd.protocol import Gallery, drawn, galleries_of, gallery_of, related
from benchmarks.msd.references import popularity_rows, tag_rows
from benchmarks.msd.submitted import read_vectors, unit_rows
from benchmarks.msd.tables import differences, in_markdown, pairs_of, summary
from benchmarks.scale.drawing import draw_songs
from simsong_pipeline.audio.event_layout import event_rows
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.evaluation.bootstrap import grouped_means, interval, resamples
from simsong_pipeline.evaluation.fusion import cosine_rows
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics.bags import words_of
from simsong_pipeline.lyrics.frame import build_lyrics
from simsong_pipeline.sources.lyric_tree import read_lyric_tree
from simsong_pipeline.sources.raw_folder import RawFolder
from simsong_pipeline.sources.source import SourceConfig

Figures = dict[str, float]


def planted(songs: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame, NDArray[np.float32]]:
    """Tracks, pairs with scores within groups of songs, and unit vectors that lie near their group's."""
    rng = np.random.default_rng(seed)
    ids = [f"TR{n:016d}" for n in rng.permutation(songs)]
    group, artist = rng.integers(songs // 12, size=songs), rng.integers(songs // 4, size=songs)
    tracks = pl.DataFrame({"track_id": ids, "artist_id": [f"AR{a}" for a in artist]})
    rows = [
        (ids[a], ids[b], float(rng.random()))
        for a in range(songs)
        for b in range(songs)
        if a != b and group[a] == group[b] and rng.random() < 0.7
    ]
    pairs = pl.DataFrame(rows, schema=["track_id", "neighbour_id", "score"], orient="row")
    centres = rng.standard_normal((songs // 12, 8))
    vectors = centres[group] + 0.5 * rng.standard_normal((songs, 8))
    order = np.argsort(ids)
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)[order]
    return tracks.sort("track_id"), pairs, unit


def _task_by_hand(
    tracks: pl.DataFrame, pairs: pl.DataFrame, at_least: float, others: bool
) -> tuple[dict[str, set[str]], dict[str, str]]:
    artist = dict(tracks.rows())
    relevant: dict[str, set[str]] = {t: set() for t in artist}
    for a, b, score in pairs.rows():
        if score >= at_least and a in artist and b in artist and not (others and artist[a] == artist[b]):
            relevant[a].add(b)
    return relevant, artist


def _slow(tracks: pl.DataFrame, pairs: pl.DataFrame, cosines: NDArray[np.float32], others: bool) -> dict[str, Figures]:
    """Each query's metrics by sorting all of its candidates, as the protocol's words say."""
    ids = tracks["track_id"].to_list()
    relevant, artist = _task_by_hand(tracks, pairs, 0.3, others)
    found: dict[str, Figures] = {}
    for n, query in enumerate(ids):
        if not relevant[query]:
            continue
        candidates = [m for m in range(len(ids)) if m != n and not (others and artist[ids[m]] == artist[query])]
        ranked = sorted(candidates, key=lambda m, n=n: (-cosines[n, m], m))[:10]
        hits = [ids[m] in relevant[query] for m in ranked]
        gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(hits) if hit)
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(10, len(relevant[query]))))
        found[query] = {"recall": sum(hits) / len(relevant[query]), "precision": sum(hits) / 10, "ndcg": gain / ideal}
    return found


def _gallery(tracks: pl.DataFrame, pairs: pl.DataFrame, most: int = 10_000) -> Gallery:
    return gallery_of("all", tracks["track_id"].to_list(), related(pairs, 0.3), tracks, most, 1)


def _measured(gallery: Gallery, vectors: NDArray[np.float32], data: str = "d") -> Measured:
    methods = [("ns_audio", lambda: cosine_rows(vectors)), ("timbre", lambda: cosine_rows(vectors[:, ::-1] ** 2))]
    return measured(data, gallery, methods, lambda _: None, lambda *_: None)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_query_gets_what_the_protocol_says(seed: int) -> None:
    tracks, pairs, vectors = planted(120, seed)
    found = _measured(_gallery(tracks, pairs), vectors).values
    for protocol, others in (("all candidates", False), ("other artists", True)):
        expected = _slow(tracks, pairs, vectors @ vectors.T, others)
        own = found.filter(protocol=protocol, method="ns_audio")
        assert set(own["query"]) == set(expected)
        for row in own.iter_rows(named=True):
            assert {m: row[m] for m in METRICS} == pytest.approx(expected[row["query"]])


def test_planted_groups_are_found_and_the_table_says_by_how_much() -> None:
    tracks, pairs, vectors = planted(240, 2)
    found = _measured(_gallery(tracks, pairs), vectors)
    table = summary(found, 500, 0)
    own = table.filter(method="ns_audio", protocol="all candidates", metric="recall").row(0, named=True)
    assert own["value"] == pytest.approx(
        float(np.mean([f["recall"] for f in _slow(tracks, pairs, vectors @ vectors.T, False).values()]))
    )
    assert 3 * own["chance"] < own["ci_low"] < own["value"] < own["ci_high"] < own["oracle"] <= 1
    pair = differences(found, 500, 0).filter(
        first="ns_audio", second="timbre", protocol="all candidates", metric="recall"
    )
    other = table.filter(method="timbre", protocol="all candidates", metric="recall")["value"][0]
    assert pair["difference"][0] == pytest.approx(own["value"] - other)
    assert pair["ci_low"][0] > 0
    said = in_markdown(table, differences(found, 500, 0))
    assert f"| NS | {own['value']:.4f} ({own['ci_low']:.4f} to {own['ci_high']:.4f}) |" in said
    assert "| NS - timbre Gaussians | +" in said


def test_chance_is_what_random_rankings_reach() -> None:
    tracks, pairs, _ = planted(200, 3)
    gallery = _gallery(tracks, pairs)
    rng = np.random.default_rng(0)
    draws = [("random", lambda: rng.random((200, 200), dtype=np.float32)) for _ in range(40)]
    parts = [measured(str(n), gallery, [draw], lambda _: None, lambda *_: None) for n, draw in enumerate(draws)]
    table = summary(together(parts), 200, 0)
    for row in table.iter_rows(named=True):
        assert row["value"] == pytest.approx(row["chance"], rel=0.06)


def test_a_seed_s_smaller_gallery_is_part_of_its_larger_one() -> None:
    ids = [f"TR{n:016d}" for n in range(500)]
    small, large, all_of_them = (drawn(ids, size, 7) for size in (50, 200, None))
    assert set(small) < set(large) < set(all_of_them) == set(ids)
    assert large == sorted(large)
    assert drawn(ids[::-1], 50, 7) == small != drawn(ids, 50, 8)


def test_sizes_beyond_the_songs_are_all_of_them_once() -> None:
    wanted = galleries_of(["100", "900", "all"], 500, [1, 2])
    assert wanted == [("100", 100, 1), ("100", 100, 2), ("all", None, 1)]


def test_queries_are_drawn_from_those_that_have_an_answer() -> None:
    tracks, pairs, vectors = planted(300, 4)
    found = _measured(_gallery(tracks, pairs, most=40), vectors).values
    for protocol in ("all candidates", "other artists"):
        asked = found.filter(protocol=protocol, method="timbre")
        assert 20 < asked.height <= 40
        assert asked["query"].n_unique() == asked.height
    assert found.filter(protocol="all candidates", method="timbre").height == 40


def test_one_query_to_a_group_gives_the_ordinary_bootstrap() -> None:
    values = np.random.default_rng(1).random(60)
    means = grouped_means(values[:, None], np.ones(60, np.int64), 400, seed=5)
    low, high = np.quantile(means[:, 0], [0.025, 0.975])
    assert (low, high) == pytest.approx(interval(values, resamples(60, 400, 5)))


def test_a_query_that_is_asked_again_tells_nothing_new() -> None:
    """Five copies of all queries leave an interval as wide as it is."""
    values = np.random.default_rng(2).random(50)
    once = grouped_means(values[:, None], np.ones(50, np.int64), 300, 0)
    again = grouped_means(5 * values[:, None], np.full(50, 5), 300, 0)
    np.testing.assert_allclose(once, again)


def test_popularity_ranks_by_how_often_others_lists_name_the_artist() -> None:
    tracks = pl.DataFrame({"track_id": ["A", "B", "C", "D", "L", "M"], "artist_id": ["x", "y", "x", "z", "l", "m"]})
    pairs = pl.DataFrame(
        [("L", "A"), ("M", "C"), ("M", "D"), ("B", "D"), ("B", "M")], schema=["track_id", "neighbour_id"], orient="row"
    )
    judged = pl.DataFrame({"track_id": ["A", "B", "C", "D"]})
    row = popularity_rows(["A", "B", "C", "D"], tracks, pairs, judged)(np.array([1]))[0]
    assert row[0] == row[2] > row[3] > row[1]  # x twice, z once (B's list is judged), y never


def test_tags_are_weighed_by_how_rare_they_are() -> None:
    rows = [("A", "rock", 100.0), ("A", "dub", 50.0), ("B", "rock", 100.0), ("C", "dub", 10.0), ("C", "rock", 0.0)]
    rows += [("D", "jazz", 80.0), ("E", "rock", 20.0)]
    tags = pl.DataFrame(rows, schema=["track_id", "tag", "weight"], orient="row")
    scores = tag_rows(["A", "B", "C", "D", "none"], tags)(np.arange(5))
    rock, dub = 100 * math.log(5 / 3), 50 * math.log(5 / 2)
    assert scores[0, 1] == pytest.approx(rock / math.hypot(rock, dub), rel=1e-5)
    assert scores[0, 2] == pytest.approx(dub / math.hypot(rock, dub), rel=1e-5)
    assert not scores[4].any()
    assert not scores[3, :3].any()


def test_another_system_s_vectors_are_ranked_by_their_angles(tmp_path: Path) -> None:
    frame = pl.DataFrame({"track_id": ["B", "A"], "vector": [[0.0, 2.0], [3.0, 4.0]]})
    frame.write_parquet(tmp_path / "mine.parquet")
    rows = unit_rows(read_vectors(tmp_path / "mine.parquet"), ["A", "B", "C"], "mine")
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 1], [0, 0]], atol=1e-6)


_BAD = {
    "twice": {"track_id": ["A", "A"], "vector": [[1.0], [2.0]]},
    "one length": {"track_id": ["A", "B"], "vector": [[1.0], [2.0, 3.0]]},
    "not finite": {"track_id": ["A", "B"], "vector": [[1.0], [math.nan]]},
    "columns track_id and vector": {"id": ["A"], "vector": [[1.0]]},
}


@pytest.mark.parametrize("what", list(_BAD))
def test_vectors_that_cannot_be_ranked_are_refused(tmp_path: Path, what: str) -> None:
    said = {"twice": "A is there several times", "not finite": "vector of B is not finite"}.get(what, what)
    pl.DataFrame(_BAD[what]).write_parquet(tmp_path / "mine.parquet")
    with pytest.raises(RawDataError, match=said):
        read_vectors(tmp_path / "mine.parquet")


def test_vectors_of_other_songs_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"track_id": ["Z"], "vector": [[1.0]]}).write_parquet(tmp_path / "mine.parquet")
    with pytest.raises(RawDataError, match="a vector of none of the 1 songs"):
        unit_rows(read_vectors(tmp_path / "mine.parquet"), ["A"], "mine")


def test_what_was_submitted_is_compared_with_the_best_and_the_plainest() -> None:
    assert pairs_of(["timbre", "wns_fused", "mine"])[-2:] == [("mine", "timbre"), ("mine", "wns_fused")]


def test_pages_become_bags_of_the_same_words(sample_raw: Path, tmp_path: Path) -> None:
    count = with_bags(sample_raw, tmp_path / "bags")
    assert not (tmp_path / "bags" / "audio").exists()
    pages = read_lyric_tree(sample_raw / "lyrics")
    sung = build_lyrics(pages.select("track_id").unique(), [pages]).filter(status="ok")
    bags = RawFolder(SourceConfig(raw=tmp_path / "bags"), tmp_path, Workspace(tmp_path)).lyric_pages()
    assert bags.height == count == sung.height > 20
    for track_id, text, bag in sung.join(bags, on="track_id").select("track_id", "text", "text_right").rows():
        assert Counter(words_of(text)) == Counter(bag.split()), track_id


def test_drawn_songs_sound_and_sing_like_their_community() -> None:
    songs = draw_songs(400, 0)
    drawing = Drawing(songs, 0, events=60)
    again = Drawing(songs, 0, events=60)
    sounds = [drawing.sound(n).arrays for n in range(400)]
    np.testing.assert_array_equal(again.sound(399).arrays["segments_timbre"], sounds[399]["segments_timbre"])
    means = np.array([sound["segments_timbre"][:, 1:].mean(axis=0) for sound in sounds])
    distances = np.linalg.norm(means[:, None] - means[None], axis=2)
    same = (songs.begins[:, None] == songs.begins[None]) & ~np.eye(400, dtype=bool)
    other = songs.begins[:, None] != songs.begins[None]
    assert distances[same].mean() < 0.9 * distances[other].mean()
    words = np.zeros((400, 5_000))
    for number in range(400):
        for word, count in drawing.bag(number).items():
            words[number, word] = count
    rare = words[:, 50:] / np.maximum(np.linalg.norm(words[:, 50:], axis=1, keepdims=True), 1e-9)
    assert (rare @ rare.T)[same].mean() > 2 * (rare @ rare.T)[other].mean()


def test_drawn_events_are_of_the_data_set_s_kind() -> None:
    sound = Drawing(draw_songs(100, 1), 1, events=80).sound(17)
    arrays = sound.arrays
    count = len(arrays["segments_start"])
    assert {len(values) for values in arrays.values()} == {count}
    assert arrays["segments_timbre"].shape == arrays["segments_pitches"].shape == (count, 12)
    np.testing.assert_allclose(arrays["segments_pitches"].max(axis=1), 1)
    assert (arrays["segments_pitches"] > 0).all()
    assert (np.diff(arrays["segments_start"]) > 0).all()
    assert arrays["segments_start"][0] == 0
    assert arrays["segments_start"][-1] < sound.seconds
    rows = event_rows(arrays, sound.seconds)
    assert np.isfinite(rows).all()


def test_two_runs_are_compared_by_the_queries_that_both_were_asked() -> None:
    key = {"data": "1-raw", "gallery": "all", "seed": 1, "protocol": "all candidates", "method": "wns_audio"}
    rows = [key | {"query": f"TR{n}", **dict.fromkeys(METRICS, n / 10)} for n in range(8)]
    first = pl.DataFrame(rows)
    shifted = [pl.col("recall") - 0.25, pl.col("precision") + pl.Series([0.1, -0.1] * 4)]
    second = first.with_columns(*shifted).filter(pl.col("query") != "TR7").reverse()
    found = {row["metric"]: row for row in compared(first, second, 500, 3).iter_rows(named=True)}
    assert found["recall"]["queries"] == 7
    assert found["recall"]["first"] == pytest.approx(0.3)
    assert found["recall"]["difference"] == pytest.approx(0.25)
    assert found["recall"]["ci_low"] == pytest.approx(found["recall"]["ci_high"])
    assert found["precision"]["difference"] == pytest.approx(-0.1 / 7)
    assert found["precision"]["ci_low"] < -0.02 < 0.02 < found["precision"]["ci_high"]
    assert found["ndcg"]["difference"] == 0
