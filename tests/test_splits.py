"""Splits: disjoint, filled, stable."""

import numpy as np
import polars as pl
import pytest

from simsong_pipeline import splits
from simsong_pipeline.config import SplitConfig
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


@pytest.mark.parametrize("artists", [1, 2])
def test_one_or_two_artists_have_nobody_to_be_judged_by(artists: int) -> None:
    assert set(split_by_artist(_tracks(artists), SplitConfig())["split"]) == {"train"}


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


def _named(*songs: tuple[str, list[str], int]) -> pl.DataFrame:
    """Songs by track id's beginning, all whom they name, and how many there are."""
    rows = [(f"{name}-{n}", artists[0], artists) for name, artists, count in songs for n in range(count)]
    return pl.DataFrame(rows, schema=["track_id", "artist_id", "artist_ids"], orient="row")


def _parts_of_names(tracks: pl.DataFrame, splits: pl.DataFrame) -> dict[str, set[str]]:
    names = tracks.select("track_id", "artist_ids").explode("artist_ids").join(splits, on="track_id")
    return dict(names.group_by("artist_ids").agg(pl.col("split").cast(pl.String).unique()).rows())


@pytest.mark.parametrize("by_artist", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_nobody_whom_songs_name_is_in_two_parts(seed: int, by_artist: bool) -> None:
    rng = np.random.default_rng(seed)
    artists = [f"A{n}" for n in range(40)]
    named = [[str(a) for a in rng.choice(artists, rng.choice([1] * 8 + [2, 3]), False)] for _ in range(120)]
    tracks = _named(*((f"T{n}", names, 1) for n, names in enumerate(named)))
    splits = split_by_artist(tracks, SplitConfig(seed=seed), by_artist=by_artist)
    assert all(len(found) == 1 for found in _parts_of_names(tracks, splits).values())
    assert splits["split"].n_unique() == 3
    assert splits.height >= 0.67 * tracks.height


def test_artists_with_a_song_in_common_go_together_and_no_song_is_lost() -> None:
    songs = [("ab", ["A", "B"], 1), ("bc", ["B", "C"], 1), ("a", ["A"], 3), ("c", ["C"], 3)]
    tracks = _named(*songs, *((f"s{n}", [f"S{n}"], 1) for n in range(20)))
    for seed in range(10):
        splits = split_by_artist(tracks, SplitConfig(seed=seed))
        together = splits.join(tracks.filter(pl.col("artist_id").is_in(["A", "B", "C"])), on="track_id")
        assert (splits.height, together["split"].n_unique()) == (tracks.height, 1)


def test_where_everybody_sings_with_everybody_main_artists_alone_count() -> None:
    tracks = _named(("host", ["host"], 2), *((f"t{n}", [f"A{n}", "host"], 4) for n in range(20)))
    splits = split_by_artist(tracks, SplitConfig())
    assert splits.height == tracks.height
    assert splits["split"].n_unique() == 3
    assert all(len(found) == 1 for found in _parts(tracks, splits).values())


def test_guests_are_remembered_and_a_song_between_two_parts_is_in_none() -> None:
    before = _named(*((f"t{n}", [f"A{n}", f"G{n}"], 2) for n in range(20)))
    first = split_by_artist(before, SplitConfig())
    ledger = remember(None, before, first)
    parts = dict(ledger.select("artist_id", pl.col("split").cast(pl.String)).rows())
    one = next(n for n in range(20) if parts[f"A{n}"] == "train")
    other = next(n for n in range(20) if parts[f"A{n}"] == "test")
    after = pl.concat([before, _named(("new", ["N", f"G{one}"], 1), ("both", [f"A{one}", f"G{other}"], 1))])
    second = split_by_artist(after, SplitConfig(), ledger)
    assert second.join(first, on="track_id", how="semi").sort("track_id").equals(first.sort("track_id"))
    new = second.join(first, on="track_id", how="anti").select("track_id", pl.col("split").cast(pl.String))
    assert new.rows() == [("new-0", "train")]


def test_a_song_that_came_to_another_artist_never_goes_from_train_to_test() -> None:
    before = _tracks(20)
    ledger = remember(None, before, split_by_artist(before, SplitConfig()))
    parts = dict(ledger.select("artist_id", pl.col("split").cast(pl.String)).rows())
    trained = next(f"T{n}-0" for n in range(20) if parts[f"T{n}-0"] == "train")
    judged = next(f"A{n:03}" for n in range(20) if parts[f"A{n:03}"] == "test")
    renamed = pl.when(pl.col("track_id") == trained)
    taken = split_by_artist(
        before.with_columns(artist_id=renamed.then(pl.lit(judged)).otherwise("artist_id")), SplitConfig(), ledger
    )
    assert trained not in taken["track_id"].to_list()
    own = split_by_artist(
        before.with_columns(artist_id=renamed.then(pl.lit("new")).otherwise("artist_id")), SplitConfig(), ledger
    )
    assert own.filter(track_id=trained)["split"].to_list() == ["train"]


def _plainly_named(tracks: pl.DataFrame, known: dict[str, str]) -> dict[str, list[str]]:
    """Every remembered track as a name of its own, song by song."""
    songs = {}
    for row in tracks.iter_rows(named=True):
        track_id, names = row["track_id"], list(dict.fromkeys([row["artist_id"], *row.get("artist_ids", ())]))
        songs[track_id] = [*names, track_id] if track_id in known else names
    return songs


@pytest.mark.parametrize("seed", range(12))
def test_remembered_tracks_that_say_nothing_new_are_passed_over_without_a_difference(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    artists = [f"a{n}" for n in range(30)]
    rows = []
    for n in range(200):
        main = str(rng.choice(artists))
        guests = [str(rng.choice(artists)) for _ in range(int(rng.choice([0, 0, 0, 1, 2])))]
        rows.append((f"t{n}", main, [main, *guests]))
    tracks = pl.DataFrame(rows, schema=["track_id", "artist_id", "artist_ids"], orient="row")
    # Of some artists and tracks the part is known; a track's may be another than its artist's.
    part_of = {name: str(rng.choice(["train", "validation", "test"])) for name in artists if rng.random() < 0.6}
    for track_id, main, _ in rows:
        if rng.random() < 0.7:
            follows = main in part_of and rng.random() < 0.9
            part_of[track_id] = part_of[main] if follows else str(rng.choice(["train", "validation", "test"]))
    known = pl.DataFrame(list(part_of.items()), schema=["artist_id", "split"], orient="row")
    for by_artist in (False, True):
        found = split_by_artist(tracks, SplitConfig(), known, by_artist)
        with monkeypatch.context() as patched:
            patched.setattr(splits, "_named", _plainly_named)
            assert split_by_artist(tracks, SplitConfig(), known, by_artist).rows() == found.rows()
    assert found.height < 200
