"""The command of the Million Song Dataset's benchmark, over a small sample without recordings."""

import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from test_benchmark_commands import start

from simsong_pipeline.config import PipelineConfig, SplitConfig
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.sources.raw_folder import RawFolder
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stated_split import split_as_stated

BRIEF = """
[encoder]
kind = "events"
embedding_dim = 16
[events]
steps = 2
width = 8
layers = 1
[bags]
embed = true
dim = 16
[train]
steps = 6
head_steps = 6
batch_size = 8
warmup_steps = 1
validate_every = 3
"""
ROWS = {"random", "popularity", "timbre", "start_audio", "ns_audio", "wns_audio", "lyrics_bag", "lyrics_text"}
ROWS |= {"start_fused", "ns_fused", "wns_fused", "tags", "mine"}


def _slow_recall(home: Workspace, vectors: dict[str, np.ndarray], at_least: float) -> dict[str, float]:
    """Each query's Recall@10 among all test songs by the cosine, in plain loops."""
    lists = home.read("lastfm_similarity").filter(pl.col("score") >= at_least)
    ids = sorted(vectors)
    recalls = {}
    for query in ids:
        relevant = set(lists.filter(track_id=query)["neighbour_id"]) & set(ids)
        if relevant:
            others = [other for other in ids if other != query]
            ranked = sorted(others, key=lambda other: (-float(vectors[query] @ vectors[other]), other))
            recalls[query] = len(relevant & set(ranked[:10])) / len(relevant)
    return recalls


@pytest.mark.slow
def test_from_the_data_set_s_files_to_the_table(features_raw: Path, tmp_path: Path) -> None:
    start("benchmarks.msd.bag_writing", "--raw", features_raw, "--out", tmp_path / "raw")
    (tmp_path / "brief.toml").write_text(BRIEF)
    home, out = Workspace(tmp_path / "home"), tmp_path / "out"
    ids = home_ids(features_raw)
    rng = np.random.default_rng(0)
    mine = pl.DataFrame({"track_id": ids, "vector": rng.standard_normal((len(ids), 4)).tolist()})
    mine.write_parquet(tmp_path / "mine.parquet")
    options = ("--raw", tmp_path / "raw", "--home", home.home, "--out", out, "--score", 0.02, "--bootstrap", 200)
    more = ("--config", tmp_path / "brief.toml", "--vectors", tmp_path / "mine.parquet")
    said = start("benchmarks.msd", *options, *more)
    values = pl.read_parquet(out / "values.parquet").filter(protocol="all candidates")
    assert set(values["method"]) == ROWS
    assert set(values["gallery"]) == {"all"}
    vectors = {t: np.array(v) for t, v in home.read("ns/track_vectors").select("track_id", "audio").rows()}
    test = set(home.read("splits").filter(split="test")["track_id"])
    expected = _slow_recall(home, {t: v for t, v in vectors.items() if t in test}, 0.02)
    measured = dict(values.filter(method="ns_audio").select("query", "recall").rows())
    assert measured == pytest.approx(expected)
    unit = {t: np.array(v) / np.linalg.norm(v) for t, v in mine.rows() if t in test & vectors.keys()}
    assert dict(values.filter(method="mine").select("query", "recall").rows()) == pytest.approx(
        _slow_recall(home, unit, 0.02)
    )
    table = pl.DataFrame(json.loads((out / "table.json").read_text())["table"]).filter(protocol="all candidates")
    for method in ("ns_audio", "mine"):
        own = table.filter(method=method, metric="recall").row(0, named=True)
        by_hand = values.filter(method=method)["recall"].mean()
        assert math.isclose(own["value"], by_hand)
        assert own["ci_low"] <= own["value"] <= own["ci_high"]
        assert f"{own['value']:.4f} ({own['ci_low']:.4f} to {own['ci_high']:.4f})" in said
    # Measured again as it is, in galleries that are drawn.
    again = ("--as-is", "--gallery", "9,all", "--seeds", 1, 2, "--methods", "timbre", "ns_audio")
    start("benchmarks.msd", *options, *again)
    drawn = pl.read_parquet(out / "values.parquet")
    assert set(drawn.select("gallery", "seed").unique().rows()) >= {("all", 1)}
    whole = drawn.filter(gallery="all", method="ns_audio", protocol="all candidates")
    assert dict(whole.select("query", "recall").rows()) == pytest.approx(expected)
    said = start("benchmarks.msd.comparing", out / "values.parquet", out / "values.parquet", "--methods", "ns_audio")
    assert f"| ns_audio | recall | {whole['recall'].mean():.4f}" in said
    assert "+0.0000 (+0.0000 to +0.0000)" in said


@pytest.mark.slow
def test_drawn_data_are_read_as_the_data_set_is(tmp_path: Path) -> None:
    start("benchmarks.msd.synthetic", "--songs", 150, "--events", 20, "--judged", 0.5, "--out", tmp_path / "raw")
    source = RawFolder(SourceConfig(raw=tmp_path / "raw"), tmp_path, Workspace(tmp_path / "home"))
    tracks = catalogued(source, source.tracks(), PipelineConfig().catalogue).tracks
    assert source.has_events_alone
    assert set(source.event_files()["track_id"]) == set(tracks["track_id"])
    assert tracks.height == 150
    splits = split_as_stated(tracks, source.test_artists(), SplitConfig())
    assert splits is not None
    assert 30 < splits.filter(split="test").height < 120
    assert source.lyric_pages().height == round(0.237662 * 150)
    assert source.similarity(tracks).scores.size > 1_000


def home_ids(raw: Path) -> list[str]:
    """Track ids of the sample, of its files' names."""
    return sorted(path.stem for path in (raw / "msd" / "data").rglob("*.h5"))
