"""Rankings a block at a time beside dense matrices: the same lists, metrics and frames, ties and all."""

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from simsong_pipeline.config import EvaluationConfig
from simsong_pipeline.evaluation import ranking
from simsong_pipeline.evaluation.baselines import GaussianScores, RandomScores, random_scores
from simsong_pipeline.evaluation.fusion import SongVectors, cosine_rows, fused_rows
from simsong_pipeline.evaluation.ground_truth import artist_numbers, has_other_artists, is_answerable, relevance_matrix
from simsong_pipeline.evaluation.metrics_frame import MethodScores, evaluate
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import METRICS, chance, hub_skew, occurrences, oracle, per_query
from simsong_pipeline.evaluation.task import NO_LABEL, Candidates, asked_task, build_task


def _planted(songs: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole-numbered vectors, so that sums are exact and ties many; communities that are relevant; artists."""
    rng = np.random.default_rng(seed)
    community = rng.integers(songs // 10, size=songs)
    vectors = (rng.integers(-2, 3, (songs // 10, 6))[community] + rng.integers(-1, 2, (songs, 6))).astype(np.float32)
    relevant = (community[:, None] == community[None]) & (rng.random((songs, songs)) < 0.6)
    relevant[rng.random(songs) < 0.2] = False  # songs without a list
    np.fill_diagonal(relevant, False)
    return vectors, relevant, rng.integers(songs // 5, size=songs)


def _dense(scores: np.ndarray, candidates: np.ndarray, k: int) -> np.ndarray:
    """As rankings of a dense matrix are: a stable sort of whole rows."""
    allowed = np.where(candidates, scores, -np.inf)
    order = np.argsort(-allowed, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(candidates, order, axis=1), order, -1)


def _dense_candidates(artists: np.ndarray | None, songs: int) -> np.ndarray:
    others = ~np.eye(songs, dtype=bool)
    return others if artists is None else others & (artists[:, None] != artists[None])


@pytest.fixture(params=[40, 1_000, 1 << 24], ids=["a row a block", "few rows a block", "one block"])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_BLOCK", request.param)


@pytest.mark.usefixtures("_block")
@pytest.mark.parametrize("k", [1, 3, 10, 500])
@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("songs", [50, 400])
def test_rankings_in_blocks_are_those_of_whole_sorted_rows(songs: int, k: int, filtered: bool) -> None:
    vectors, relevant, artists = _planted(songs, k)
    chosen = artists if filtered else None
    task = build_task(relevant, chosen)
    expected = _dense(vectors @ vectors.T, _dense_candidates(chosen, songs), k)
    assert top_k(cosine_rows(vectors), task, k).tolist() == expected.tolist()


@pytest.mark.parametrize("few", [0, 1, 5])
def test_a_row_of_few_candidates_is_filled_with_none(few: int) -> None:
    artists = np.array([0] * (300 - few) + [1] * few)
    scores = np.random.default_rng(0).random((300, 300), dtype=np.float32)
    task = asked_task(np.ones((300, 300), bool), Candidates(300, unlike=artists)) if few else None
    if task is None:
        with pytest.raises(Exception, match="no query"):
            asked_task(np.ones((300, 300), bool), Candidates(300, unlike=artists))
        return
    assert top_k(scores, task, 10).tolist() == _dense(scores, _dense_candidates(artists, 300), 10).tolist()


def test_a_candidate_of_the_lowest_score_is_still_one() -> None:
    scores = np.array([[0, -np.inf, 1], [0, 0, -np.inf], [-np.inf, -np.inf, 0]], np.float32)
    assert top_k(scores, build_task(np.ones((3, 3), bool)), 3).tolist() == [[2, 1, -1], [0, 2, -1], [0, 1, -1]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("filtered", [False, True])
def test_metrics_of_a_sparse_task_are_those_of_dense_masks(seed: int, filtered: bool) -> None:
    vectors, relevant, artists = _planted(200, seed)
    chosen, k = artists if filtered else None, 10
    candidates = _dense_candidates(chosen, 200)
    wanted, task = relevant & candidates, build_task(csr_array(relevant), chosen)
    ranked = top_k(cosine_rows(vectors), task, k)
    rows = np.flatnonzero(wanted.any(axis=1))
    hits = np.array([[c >= 0 and wanted[q, c] for c in ranked[q]] for q in rows])
    counts, sizes = wanted.sum(axis=1)[rows], candidates.sum(axis=1)[rows]
    found = per_query(ranked, task, k)
    assert np.flatnonzero(task.queries).tolist() == rows.tolist()
    assert found["recall"].tolist() == (hits.sum(axis=1) / counts).tolist()
    assert found["hit_rate"].tolist() == hits.any(axis=1).astype(float).tolist()
    assert chance(task, k)["precision"] == float(np.mean(np.minimum(k, sizes) * counts / sizes / k))
    assert oracle(task, k)["recall"] == float(np.mean(np.minimum(counts, k) / counts))


@pytest.mark.parametrize("unlike", [False, True])
@pytest.mark.parametrize("like", [False, True])
def test_candidates_are_counted_as_they_are(unlike: bool, like: bool) -> None:
    rng, rows = np.random.default_rng(1), np.arange(0, 60, 7)
    artists = rng.integers(8, size=60) if unlike else None
    sources = rng.integers(NO_LABEL, 4, size=60) if like else None
    candidates = Candidates(60, artists, sources)
    whole = candidates.of(rows)
    assert candidates.counts(rows).tolist() == whole.sum(axis=1).tolist()
    columns = rng.integers(60, size=len(rows))
    assert candidates.hold(rows, columns).tolist() == whole[np.arange(len(rows)), columns].tolist()


@pytest.mark.parametrize("songs", [7, 64, 101])
def test_random_rows_are_those_of_the_whole_matrix(songs: int) -> None:
    rows = np.array([0, 3, songs - 1, 5])
    assert np.array_equal(RandomScores(songs, 5)(rows), random_scores(songs, 5)[rows])


def test_fused_rows_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(2)
    audio, lyrics = (rng.integers(-2, 3, (40, 4)).astype(np.float32) for _ in range(2))
    lyrics[::3] = 0
    hubness = rng.integers(0, 4, (40, 2)).astype(np.float32)
    vectors, rows = SongVectors(audio, lyrics, hubness, 0.5), np.array([0, 5, 39, 7])
    expected = []
    for q in rows:
        w = np.float32(0.75) if lyrics[q].any() else np.float32(1)
        scores = w * (audio @ audio[q]) + (1 - w) * np.where(lyrics.any(axis=1), lyrics @ lyrics[q], 0.5)
        expected.append(scores - 0.25 * (w * hubness[:, 0] + (1 - w) * hubness[:, 1]))
    np.testing.assert_allclose(fused_rows(vectors, 0.75, 0.5)(rows), expected, rtol=1e-6)


def test_gaussian_rows_are_divergences_one_by_one() -> None:
    rng = np.random.default_rng(3)
    songs = []
    for _ in range(20):
        root = rng.normal(size=(4, 4))
        songs.append((rng.normal(size=4), root @ root.T + np.eye(4)))
    rows, expected = np.array([3, 0, 19]), []
    for q in rows:
        own = []
        for mean, covariance in songs:
            a, b, d = np.linalg.inv(songs[q][1]), np.linalg.inv(covariance), songs[q][0] - mean
            own.append(-((np.trace(b @ songs[q][1]) + np.trace(a @ covariance) + d @ (a + b) @ d) / 2 - 4))
        expected.append(own)
    np.testing.assert_allclose(GaussianScores(songs)(rows), expected, rtol=1e-5, atol=1e-5)


def test_the_frame_of_metrics_is_that_of_dense_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, relevant, artists = _planted(300, 4)
    tasks = {"unfiltered": build_task(relevant), "artist_filtered": build_task(relevant, artists)}
    config = EvaluationConfig(bootstrap=100)
    noise = RandomScores(300, 1)
    dense = [MethodScores("random", random_scores(300, 1)), MethodScores("ns_audio", vectors @ vectors.T)]
    whole = evaluate(dense, tasks, config)
    monkeypatch.setattr(ranking, "_BLOCK", 1_234)
    rows = [MethodScores("random", noise), MethodScores("ns_audio", cosine_rows(vectors))]
    assert evaluate(rows, tasks, config).equals(whole)


def test_methods_that_share_their_scores_are_ranked_once_and_have_the_same_figures() -> None:
    vectors, relevant, artists = _planted(300, 4)
    tasks = {"unfiltered": build_task(relevant), "artist_filtered": build_task(relevant, artists)}
    scores, asked = cosine_rows(vectors), []

    def counting(rows: np.ndarray) -> np.ndarray:
        asked.extend(rows.tolist())
        return scores(rows)

    methods = [MethodScores(name, counting) for name in ("ns_audio", "wns_audio")]
    found = evaluate(methods, tasks, EvaluationConfig(bootstrap=100))
    assert len(asked) == sum(len(task.asked) for task in tasks.values())
    ns, wns = (found.filter(variant=name).drop("variant") for name in ("ns_audio", "wns_audio"))
    assert ns.equals(wns)
    assert ns.filter(metric="recall_at_10", protocol="unfiltered")["value"][0] > 0.2


def test_of_many_songs_some_queries_are_drawn_with_the_seed_and_all_are_candidates() -> None:
    vectors, relevant, _ = _planted(300, 5)
    task = build_task(relevant, most=40, seed=3)
    answerable = np.flatnonzero(relevant.any(axis=1))
    assert task.asked.tolist() == sorted(np.random.default_rng(3).choice(answerable, 40, replace=False).tolist())
    assert task.queries.all()
    ranked, everything = top_k(cosine_rows(vectors), task, 10), top_k(cosine_rows(vectors), build_task(relevant), 10)
    assert ranked.tolist() == everything[task.asked].tolist()
    whole = per_query(everything, build_task(relevant), 10)
    chosen = np.isin(answerable, task.asked)
    for metric in METRICS:
        assert per_query(ranked, task, 10)[metric].tolist() == whole[metric][chosen].tolist()
    assert len(occurrences(ranked, 300)) == 300
    assert hub_skew(ranked, 300) != hub_skew(everything, 300)


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_ground_truth_is_that_of_every_pair(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simsong_pipeline.evaluation.ground_truth._AT_ONCE", at_once)
    rng, ids = np.random.default_rng(6), [f"T{n:02d}" for n in range(30)]
    rows = [(ids[a], ids[b]) for a, b in rng.integers(30, size=(120, 2)) if a != b]
    pairs = pl.DataFrame(rows, schema=["track_id", "neighbour_id"], orient="row").unique(maintain_order=True)
    test = [ids[n] for n in rng.permutation(30)[:20]]
    matrix = relevance_matrix(pairs, test)
    parts = pl.DataFrame({"track_id": ids, "split": ["test" if t in test else "train" for t in ids]})
    assert is_answerable(parts, pairs)
    assert not is_answerable(
        parts, pairs.filter(~(pl.col("track_id").is_in(test) & pl.col("neighbour_id").is_in(test)))
    )
    assert matrix.toarray().tolist() == [[(a, b) in set(rows) for b in test] for a in test]
    tracks = pl.DataFrame({"track_id": ids, "artist_id": [f"A{n // 4}" for n in range(30)]})
    artists = artist_numbers(tracks, test)
    assert has_other_artists(matrix, artists) == any(
        matrix[a, b] and artists[a] != artists[b] for a in range(20) for b in range(20)
    )
    assert not has_other_artists(matrix, np.zeros(20, np.int64))
