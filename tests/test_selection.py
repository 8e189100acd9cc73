"""The dense part of a similarity graph: planted, and of real files."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.providers.selection import dense_core, density, random_part
from simsong_pipeline.similarity import Similarity, from_frame


def _pairs(edges: list[tuple[int, int]]) -> Similarity:
    rows = [(f"T{a:03d}", f"T{b:03d}") for a, b in edges]
    return from_frame(pl.DataFrame(rows, schema=["track_id", "neighbour_id"], orient="row"))


def _planted() -> Similarity:
    """Songs 0 to 19 are all alike; 20 to 299 each know two songs at random."""
    rng = np.random.default_rng(0)
    core = [(a, b) for a in range(20) for b in range(20) if a != b]
    sparse = [(a, int(b)) for a in range(20, 300) for b in rng.integers(0, 300, 2) if a != b]
    return _pairs(core + sparse)


def test_planted_core_is_found() -> None:
    assert dense_core(_planted(), 20) == [f"T{n:03d}" for n in range(20)]


def test_core_is_denser_than_a_random_part() -> None:
    pairs = _planted()
    chosen, drawn = (density(pairs, part) for part in (dense_core(pairs, 60), random_part(pairs, 60, 0)))
    assert chosen.mean_neighbours > 3 * drawn.mean_neighbours


def test_smaller_cliques_leave_first() -> None:
    cliques = [
        (a, b)
        for size, start in ((8, 0), (5, 8), (3, 13))
        for a in range(start, start + size)
        for b in range(start, start + size)
        if a != b
    ]
    assert dense_core(_pairs(cliques), 8) == [f"T{n:03d}" for n in range(8)]
    assert dense_core(_pairs(cliques), 13) == [f"T{n:03d}" for n in range(13)]


def test_direction_of_a_pair_does_not_count_in_choosing_and_counts_in_the_density() -> None:
    pairs = _pairs([(0, 1), (2, 1)])
    assert dense_core(pairs, 3) == ["T000", "T001", "T002"]
    found = density(pairs, ["T000", "T001", "T002"])
    assert (found.mean_neighbours, found.without_neighbours) == (pytest.approx(2 / 3), 1)


def test_same_graph_gives_the_same_songs() -> None:
    pairs = _planted()
    assert dense_core(pairs, 50) == dense_core(
        from_frame(pairs.to_frame().sample(fraction=1.0, shuffle=True, seed=3)), 50
    )


def test_more_songs_than_there_are_is_an_error() -> None:
    with pytest.raises(RawDataError, match="only 2 have any similar song"):
        dense_core(_pairs([(0, 1)]), 3)


def test_command_prints_neighbours_and_writes_the_list(sample_raw: Path, tmp_path: Path) -> None:
    arguments = ["select", "--home", str(tmp_path), "--raw", str(sample_raw), "--size", "20"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "mean neighbours" in " ".join(result.stdout.split())
    assert len((tmp_path / "selection.txt").read_text().split()) == 20
