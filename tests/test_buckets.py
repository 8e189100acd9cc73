"""Buckets split in two, and their names never meet those of another number."""

from collections import Counter

import pytest

from simsong_pipeline.buckets import MOST, USUAL, Buckets

ALL = [Buckets(2**n) for n in range(13)]
IDS = [f"TR{n:06d}" for n in range(5_000)]


@pytest.mark.parametrize("buckets", ALL[:-1], ids=lambda b: b.count)
def test_of_twice_as_many_a_bucket_is_split_into_itself_and_one_beyond(buckets: Buckets) -> None:
    twice = Buckets(2 * buckets.count)
    for track_id in IDS:
        assert twice.of(track_id) in {buckets.of(track_id), buckets.of(track_id) + buckets.count}


def test_tracks_are_spread_evenly() -> None:
    sizes = Counter(USUAL.of(track_id) for track_id in IDS)
    assert sorted(sizes) == list(USUAL.numbers)
    mean = len(IDS) / USUAL.count
    assert max(abs(size - mean) for size in sizes.values()) < 5 * mean**0.5


def test_a_track_stays_where_homes_of_before_have_it() -> None:
    # The SHA-256 of nothing begins with e3b0c442.
    assert [USUAL.of(track_id) for track_id in ("TRAAAAW128F429D538", "song0", "")] == [40, 29, 2]


@pytest.mark.parametrize("count", [0, -64, 3, 63, 65, 100, 2 * MOST])
def test_another_number_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="a power of two from 1 to 4096 is needed"):
        Buckets(count)


def test_names_are_each_buckets_own_and_sort_by_number() -> None:
    names = [[buckets.name(bucket) for bucket in buckets.numbers] for buckets in ALL]
    together = [name for some in names for name in some]
    assert len(set(together)) == len(together) == 2 * MOST - 1
    assert all(some == sorted(some) for some in names)
    # A file is told by its name and a hyphen or a point: no name begins another one with either.
    ends = {f"{name}{end}" for name in together for end in "-."}
    assert not [name for name in together if any(name[: n + 1] in ends for n in range(len(name)))]


def test_the_usual_names_are_those_of_homes_of_before() -> None:
    assert [USUAL.name(bucket) for bucket in (0, 7, 63)] == ["bucket-00", "bucket-07", "bucket-63"]
