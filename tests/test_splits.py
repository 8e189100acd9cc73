"""Splits: disjoint, filled, stable."""

import polars as pl
import pytest

from simsong_pipeline.config import SplitConfig
from simsong_pipeline.errors import SchemaError
from simsong_pipeline.splits import remember, split_by_artist


def _tracks(artists: int, songs: int = 5) -> pl.DataFrame:
    rows = [(f"T{a}-{s}", f"A{a:03}") for a in range(artists) for s in range(songs)]
    return pl.DataFrame(rows, schema=["track_id", "artist_id"], orient="row")


def _parts(tracks: pl.DataFrame, splits: pl.DataFrame) -> dict[str, set[str]]:
    joined = tracks.join(splits, on="track_id")
    return {a: set(s) for a, s in joined.group_by("artist_id").agg(pl.col("split").cast(pl.String)).rows()}


@pytest.mark.parametrize("seed", range(5))
def test_each_artist_is_in_one_part(seed: int) -> None:
    tracks = _tracks(30)
    parts = _parts(tracks, split_by_artist(tracks, SplitConfig(seed=seed)))
    assert all(len(found) == 1 for found in parts.values())


def test_parts_have_their_shares() -> None:
    splits = split_by_artist(_tracks(100), SplitConfig(validation=0.2, test=0.3))
    shares = dict(splits["split"].value_counts(normalize=True).rows())
    assert shares == pytest.approx({"train": 0.5, "validation": 0.2, "test": 0.3}, abs=0.02)


def test_same_seed_same_split_whatever_the_order_of_rows() -> None:
    tracks = _tracks(20)
    first = split_by_artist(tracks, SplitConfig())
    second = split_by_artist(tracks.reverse(), SplitConfig())
    assert first.sort("track_id").equals(second.sort("track_id"))


def test_artists_keep_their_part_when_the_catalogue_grows() -> None:
    small, large = _tracks(20), _tracks(35)
    before = split_by_artist(small, SplitConfig())
    after = split_by_artist(large, SplitConfig(), previous=remember(None, small, before))
    assert before.equals(after.filter(pl.col("track_id").is_in(before["track_id"].implode())))


def test_artist_that_was_away_comes_back_to_its_part() -> None:
    tracks = _tracks(20)
    before = split_by_artist(tracks, SplitConfig())
    ledger = remember(None, tracks, before)
    fewer = tracks.filter(pl.col("artist_id") > "A006")
    ledger = remember(ledger, fewer, split_by_artist(fewer, SplitConfig(), ledger))
    after = split_by_artist(tracks, SplitConfig(), ledger)
    assert after.sort("track_id").equals(before.sort("track_id"))


@pytest.mark.parametrize("artists", [3, 4])
def test_no_part_is_empty(artists: int) -> None:
    splits = split_by_artist(_tracks(artists, songs=1), SplitConfig())
    assert splits["split"].n_unique() == 3


def test_two_artists_are_refused() -> None:
    with pytest.raises(SchemaError, match="at least 3"):
        split_by_artist(_tracks(2), SplitConfig())


def test_by_artist_the_test_part_has_queries_and_others() -> None:
    rows = [("big", 16), ("pair", 2), *((f"single{n}", 1) for n in range(16))]
    tracks = pl.DataFrame(
        [(f"{a}-{s}", a) for a, n in rows for s in range(n)], schema=["track_id", "artist_id"], orient="row"
    )
    parts = _parts(tracks, split_by_artist(tracks, SplitConfig(), by_artist=True))
    assert parts["big"] == {"test"}
    assert parts["pair"] == {"validation"}
    assert sum(found == {"test"} for found in parts.values()) >= 4
    assert sum(found == {"train"} for found in parts.values()) >= 4
