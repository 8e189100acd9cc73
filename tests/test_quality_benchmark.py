"""Tables of the quality benchmark on values whose differences are known."""

import numpy as np
import polars as pl
import pytest

from benchmarks.quality.datasets import named
from benchmarks.quality.tables import differences, pairs_of, summary


def _values(gain: float) -> pl.DataFrame:
    """Two methods over two seeds of 100 queries; `wns_fused` is better by `gain` for every query."""
    hard = np.random.default_rng(0).random(200) * 0.5
    rows = [
        ("sample", "unfiltered", "recall", method, n // 100, n % 100, float(hard[n] + add), 0.1, 0.8, 1.0, 0.9, 0.1)
        for method, add in (("ns_fused", 0.0), ("wns_fused", gain))
        for n in range(200)
    ]
    columns = ("dataset", "protocol", "metric", "method", "seed", "query", "value", "chance", "oracle", "hub_skew")
    columns += ("coverage", "anti_hubs")
    return pl.DataFrame(rows, schema=list(columns), orient="row")


def test_paired_difference_finds_what_the_noise_between_queries_hides() -> None:
    row = differences(_values(0.01)).row(0, named=True)
    assert (row["pair"], row["queries"]) == ("wns_fused - ns_fused", 200)
    assert (row["difference"], row["ci_low"], row["ci_high"]) == pytest.approx((0.01, 0.01, 0.01))


def test_summary_counts_seeds_and_queries_and_shares_the_oracle() -> None:
    row = summary(_values(0.1)).row(by_predicate=pl.col("method") == "ns_fused", named=True)
    assert (row["seeds"], row["queries"]) == (2, 200)
    assert row["of_oracle"] == pytest.approx(row["value"] / 0.8)
    assert row["ci_low"] < row["value"] < row["ci_high"]


def test_unknown_data_set_is_named() -> None:
    with pytest.raises(ValueError, match="no data set 'nothing'"):
        named("nothing")


def test_manifest_is_a_data_set() -> None:
    dataset = named("artist:music/songs.csv")
    assert (dataset.name, dataset.relevance) == ("music", "artist")


def test_each_method_is_compared_with_what_it_changes() -> None:
    methods = ["mfcc", "mfcc+mp", "ns_audio", "ns_audio+csls", "convolution_audio", "queue_audio", "queue_fused"]
    methods += ["wns_audio", "random"]
    assert pairs_of(methods) == [
        ("mfcc+mp", "mfcc"),
        ("ns_audio", "mfcc+mp"),
        ("ns_audio+csls", "ns_audio"),
        ("convolution_audio", "ns_audio"),
        ("queue_audio", "convolution_audio"),
        ("wns_audio", "ns_audio"),
    ]


def test_pair_is_compared_on_the_seeds_that_both_were_measured_on() -> None:
    values = _values(0.01).filter((pl.col("method") == "ns_fused") | (pl.col("seed") == 0))
    assert differences(values)["queries"].to_list() == [100]
