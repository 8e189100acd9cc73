"""Similar tracks as arrays beside the same by dictionaries: random lists with communities, and everything odd."""

import re
import sqlite3
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from simsong_pipeline.catalogue import restrict
from simsong_pipeline.providers.selection import dense_core, density, random_part
from simsong_pipeline.similarity import Similarity, as_written, from_frame, gathered, lists_of, sorted_ids
from simsong_pipeline.sources.id_table import IdTable
from simsong_pipeline.sources.lastfm_sqlite import read_similars
from simsong_pipeline.sources.raw_tracks import UnreadableFile

Texts = list[tuple[str, str]]
_PAIR = re.compile(r"([^,\s]+)\s*,\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?=,|$)")


def _ids(count: int, seed: int) -> list[str]:
    """Of the usual width, all but each tenth."""
    rng = np.random.default_rng(seed)
    letters = [
        "".join(rng.choice(list("ABCDEFGHIJ0123456789"), 16 if n % 10 else rng.integers(1, 30))) for n in range(count)
    ]
    return sorted({f"TR{text}" for text in letters})


def _texts(ids: list[str], seed: int) -> Texts:
    """Lists of a few communities with pairs twice, tracks in their own lists, scores of all kinds and broken lists."""
    rng, rows = np.random.default_rng(seed), []
    for at, track_id in enumerate(ids):
        near = [n for n in range(len(ids)) if n % 5 == at % 5]
        others = [*rng.choice(near, 9), *rng.integers(len(ids), size=3)]
        scores = [f"{s:.6g}" for s in 10 ** (-6 * rng.random(len(others)))]
        parts = [f"{ids[n]},{score}" for n, score in zip(others, scores, strict=True)]
        parts += [
            f"{ids[others[0]]},0.25",
            "TRUNKNOWN,0.5",
            f"{ids[others[1]]},{rng.choice(['0', '1', '1.5', '-0.1'])}",
        ]
        kind = at % 13
        parts += (
            [["nothing"], [",,"], [f" {ids[0]} , 0.75 "], [f"{ids[1]},much"], [f"{ids[2]},1e-3"], [f"{ids[3]},.5"]][
                kind
            ]
            if kind < 6
            else []
        )
        rows.append((track_id, ",".join(parts[i] for i in rng.permutation(len(parts)))))
    return [*rows, rows[7], (ids[8], f"{ids[2]},0.875,{ids[3]},0.5"), (ids[9], ""), ("TRELSEWHERE", f"{ids[0]},1")]


def _slow(texts: Texts, ids: set[str]) -> pl.DataFrame:
    """The pairs of the lists, each read by itself into a dictionary."""
    best: dict[str, dict[str, float]] = {}
    for track_id, text in texts:
        for neighbour, score in _PAIR.findall(text):
            if {track_id, neighbour} <= ids and track_id != neighbour and 0 < float(score) <= 1:
                own = best.setdefault(track_id, {})
                own[neighbour] = max(own.get(neighbour, 0.0), float(score))
    rows = []
    for track_id in sorted(best):
        ranked = sorted(best[track_id].items(), key=lambda pair: (-pair[1], pair[0]))
        rows += [(track_id, neighbour, score, rank) for rank, (neighbour, score) in enumerate(ranked, start=1)]
    schema = {"track_id": pl.String, "neighbour_id": pl.String, "score": pl.Float64, "rank": pl.UInt32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _written(path: Path, texts: Texts) -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE similars_src (tid TEXT, target TEXT)")
        connection.executemany("INSERT INTO similars_src VALUES (?, ?)", texts)
    connection.close()
    return path


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_lists_are_read_as_one_by_one(tmp_path: Path, seed: int, share: float) -> None:
    ids = _ids(150, seed)
    texts = _texts(ids, seed)
    keep = [t for n, t in enumerate(ids) if n % 10 < 10 * share]
    lost: list[UnreadableFile] = []
    found = read_similars(_written(tmp_path / "similars.db", texts), pl.Series(keep), lost)
    assert_frame_equal(found.to_frame(), _slow(texts, set(keep)), check_exact=True)
    assert (found.neighbours.dtype, found.scores.dtype) == (np.uint32, np.float32)
    assert found.ids.to_list() == keep
    assert len(lost) == 1


def test_a_broken_list_costs_itself_alone(tmp_path: Path) -> None:
    ids = [f"TR{n:016d}" for n in range(4)]
    texts = [(ids[0], f"{ids[1]},0.5,{ids[2]}"), (ids[1], f"{ids[2]},0.25,{ids[3]},1"), (ids[2], "x" * 999)]
    lost: list[UnreadableFile] = []
    found = read_similars(_written(tmp_path / "similars.db", texts), pl.Series(ids), lost)
    assert [found.neighbours_of(n).tolist() for n in range(4)] == [[1], [3, 2], [], []]
    assert [u.reason[:18] for u in lost] == ["2 parts of 2 lists"]


@pytest.mark.parametrize("content", [b"\xff\xfe", None, 7, 0.5, "\n", "\0"])
def test_cells_of_any_kind_stop_nothing(tmp_path: Path, content: object) -> None:
    ids = [f"TR{n:016d}" for n in range(3)]
    texts = [(ids[0], f"{ids[1]},0.5"), (ids[1], content), (content, f"{ids[1]},0.5"), (ids[2], f"{ids[0]},0.5")]
    found = read_similars(_written(tmp_path / "similars.db", texts), pl.Series(ids))  # type: ignore[arg-type]
    assert found.to_frame().select("track_id", "neighbour_id").rows() == [(ids[0], ids[1]), (ids[2], ids[0])]


def _random_pairs(seed: int, count: int = 120) -> pl.DataFrame:
    rng, ids = np.random.default_rng(seed), _ids(count, seed)
    rows = {
        (int(a), int(b))
        for a in range(count)
        for b in [*(a // 12 * 12 + rng.integers(12, size=8)), rng.integers(count)]
    }
    named = [(ids[a % len(ids)], ids[b % len(ids)], float(f"{rng.random() + 1e-6:.6g}")) for a, b in sorted(rows)]
    unlike = [row for row in named if row[0] != row[1] and int(row[0][-1], 36) % 7]  # some have no list
    return pl.DataFrame(unlike, schema=["track_id", "neighbour_id", "score"], orient="row")


@pytest.mark.parametrize("seed", range(3))
def test_a_restricted_matrix_is_that_of_the_restricted_frame(seed: int) -> None:
    pairs = _random_pairs(seed)
    some = pl.DataFrame({"track_id": [*pairs["track_id"].unique().sort().to_list()[::3], "TRNOBODY"]})
    direct = from_frame(restrict(pairs, some), some["track_id"])
    narrowed = from_frame(pairs).restricted(some["track_id"])
    assert_frame_equal(narrowed.to_frame(), direct.to_frame(), check_exact=True)
    assert narrowed.ids.to_list() == direct.ids.to_list() == some["track_id"].sort().to_list()


def test_lists_of_one_track_in_several_parts_are_one() -> None:
    pairs = _random_pairs(5)
    ids = sorted_ids(pl.concat([pairs["track_id"], pairs["neighbour_id"]]))
    again = pairs.with_columns(pl.col("score") / 2)
    parts = [lists_of(part, ids) for part in (pairs[::2], again, pairs[1::2])]
    assert_frame_equal(gathered(ids, parts).to_frame(), from_frame(pairs).to_frame(), check_exact=True)


def _peeled(pairs: pl.DataFrame, size: int) -> list[str]:
    """Sets and dictionaries: in each round the songs of the fewest neighbours leave, of equal ones the later ids."""
    near: dict[str, set[str]] = {}
    for a, b in pairs.select("track_id", "neighbour_id").rows():
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    left = sorted(near)
    while len(left) > size:
        places = {track_id: place for place, track_id in enumerate(left)}
        order = sorted(left, key=lambda t: (len(near[t] & places.keys()), -places[t]))
        going = max(1, min(len(left) - size, int(0.05 * (len(left) - size)) + 1))
        left = sorted(set(left) - set(order[:going]))
    return left


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [2, 24, 70])
def test_the_core_is_the_one_that_sets_peel_to(seed: int, size: int) -> None:
    pairs = _random_pairs(seed)
    assert dense_core(from_frame(pairs), size) == _peeled(pairs, size)


def test_density_and_random_part_are_those_of_the_frame() -> None:
    pairs = _random_pairs(1)
    similarity = from_frame(pairs)
    drawn = random_part(similarity, 30, 4)
    listed = pairs["track_id"].unique().sort()
    expected = sorted(np.random.default_rng(4).choice(len(listed), 30, replace=False).tolist())
    assert drawn == [listed[n] for n in expected]
    counts = [sum(a == t and b in drawn for a, b, _ in pairs.rows()) for t in drawn]
    found = density(similarity, drawn)
    assert (found.mean_neighbours, found.without_neighbours) == (pytest.approx(np.mean(counts)), counts.count(0))


def test_scores_of_six_digits_are_the_decimals_that_were_read() -> None:
    drawn = [float(f"{s:.6g}") for s in 10 ** (-9 * np.random.default_rng(0).random(20_000))]
    values = np.array([*drawn, 1.0, 0.1, 0.01, 1e-5])
    assert as_written(values.astype(np.float32)).tolist() == values.tolist()


@pytest.mark.parametrize("value", [2 / 3, 1e-30, 0.12345678])
def test_other_scores_keep_the_value_they_have(value: float) -> None:
    score = np.array([value], np.float32)
    assert as_written(score).astype(np.float32) == score


def test_every_id_of_the_usual_width_has_its_number_and_no_other_has_one() -> None:
    rng = np.random.default_rng(0)
    ids = pl.Series(sorted({f"TR{n:016X}" for n in rng.integers(1 << 60, size=30_000)} | {"short", "TR" + "é" * 8}))
    asked = [*ids.gather(rng.integers(len(ids), size=5_000)).to_list(), *(f"TR{n:016X}" for n in range(5_000))]
    asked = [text for text in asked if len(text.encode()) == 18]
    text = np.frombuffer(("".join(asked) + "padding").encode(), np.uint8)
    place = {track_id: n for n, track_id in enumerate(ids)}
    found = IdTable(ids).numbers(text, np.arange(0, 18 * len(asked), 18))
    assert found.tolist() == [place.get(track_id, -1) for track_id in asked]


def test_neither_lists_nor_ids_are_a_matrix_of_nothing(tmp_path: Path) -> None:
    found = read_similars(_written(tmp_path / "similars.db", []), pl.Series([], dtype=pl.String))
    assert isinstance(found, Similarity)
    assert found.to_frame().rows() == []
