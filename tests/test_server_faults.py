"""Nights over a Qdrant server that fails: they end in the right state, or say why and leave the former one serving."""

import os
import random
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import SMALL_CONFIG, run_of
from qdrant_server import KEY, Fault, QdrantServer

from simsong_pipeline.config import VARIANTS, PipelineConfig
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Point
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.stages.index_stage import IndexFrames, publish_variant
from simsong_pipeline.stages.stored_vectors import in_memory

NAMES = ("tracks", "audio", "descriptions", "lyrics", "lastfm_tags")
ALIASES = {"simsong", "simsong_ns", "simsong_wns"}
EARLIER = "earlier00000"


def config_of(server: QdrantServer, **store: object) -> PipelineConfig:
    """Small batches, short patience."""
    settings = {"url": server.address, "batch_bytes": 40_000, "timeout_s": 1, "retry_s": 20.0, "ready_s": 10.0}
    return SMALL_CONFIG.model_copy(update={"store": SMALL_CONFIG.store.model_copy(update={**settings, **store})})


def serve_earlier_models(home: Workspace, server: QdrantServer) -> int:
    """Fill the server with the songs by other models, which its aliases lead to; how many songs those are."""
    frames = IndexFrames(*(home.read(name) for name in NAMES))
    for variant in VARIANTS:
        vectors = home.read(f"{variant}/track_vectors").with_columns(pl.lit(EARLIER).alias("model_version"))
        run = run_of(home, config=config_of(server), publish_anyway=True)
        publish_variant(run, variant, in_memory(vectors), frames)
    assert set(server.aliases) == ALIASES
    assert all(EARLIER in collection for collection in server.aliases.values())
    server.floor, server.moved = vectors.height, []
    return vectors.height


def night(home: Workspace, config: PipelineConfig) -> RunSummary:
    """A night's work, of which the ledger knows nothing."""
    (home.home / "ledger.json").unlink(missing_ok=True)
    return refresh(run_of(home, config=config, publish_anyway=True))


def _embedded(home: Workspace, collection: str) -> dict[str, Point]:
    with home.store(SMALL_CONFIG.store) as store:
        return {p.point_id: p for p in store.fetch(collection, sorted(store.hashes(collection)), with_vectors=True)}


def assert_serves_as_embedded(server: QdrantServer, home: Workspace) -> None:
    """Nothing lost, doubled or changed beside the index that the home has of its own."""
    assert set(server.aliases) == ALIASES
    for alias in ALIASES:
        wanted, found = _embedded(home, alias), server.points(alias)
        assert set(found) == set(wanted)
        for number, point in wanted.items():
            ours, theirs = dict(point.payload), dict(found[number].payload or {})
            assert {**ours, "embedded_at": 0} == {**theirs, "embedded_at": 0}
            assert set(found[number].vector) == set(point.vectors)  # type: ignore[arg-type]
            for name, vector in point.vectors.items():
                np.testing.assert_allclose(found[number].vector[name], vector, atol=1e-6)  # type: ignore[index]
    assert server.partial == []
    assert all(moved.status == "green" and moved.songs == server.floor for moved in server.moved)


def assert_serves_the_earlier(server: QdrantServer) -> None:
    """The former models' collections, whole."""
    assert set(server.aliases) == ALIASES
    for collection in server.aliases.values():
        assert EARLIER in collection
        assert len(server.points(collection)) == server.floor
    assert server.moved == []
    assert server.partial == []


PASSING = {
    "busy": [Fault(429, times=2), Fault(429, headers={"Retry_After": "1"}), Fault(503, at="POST /collections/aliases")],
    "slow or torn": [Fault("slow", after=1), Fault("torn", times=2, after=1)],
    "lost": [
        Fault("lost", at=r"PUT /collections/[^/]+"),
        Fault("lost", times=2),
        Fault("lost", at="POST /collections/aliases", times=2),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSING)
def test_a_night_goes_on_where_another_try_goes_well(name: str, run_copy: Workspace, server: QdrantServer) -> None:
    serve_earlier_models(run_copy, server)
    server.plan, server.looks = [Fault(f.kind, f.at, f.times, f.after, f.headers) for f in PASSING[name]], 2
    night(run_copy, config_of(server))
    assert not [fault for fault in server.plan if fault.times]
    assert_serves_as_embedded(server, run_copy)


@pytest.mark.slow
def test_a_night_of_many_faults_ends_as_one_without(run_copy: Workspace, server: QdrantServer) -> None:
    serve_earlier_models(run_copy, server)
    rng = random.Random(1)
    server.plan = [Fault(rng.choice([429, 502, 503, "torn", "lost"]), ".*", after=rng.randrange(60)) for _ in range(25)]
    server.looks = 3
    night(run_copy, config_of(server))
    assert len(server.failed) > 10
    assert_serves_as_embedded(server, run_copy)


FATAL = {
    "401": ([Fault(401, times=99, after=2)], "refused: 401.*check QDRANT_API_KEY"),
    "500": ([Fault(500, at="POST /collections/aliases", times=99)], "refused: 500"),
    "torn without end": ([Fault("torn", times=10**6, after=1)], "does not answer"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FATAL)
def test_a_night_that_cannot_go_on_says_why_and_the_former_models_serve(
    name: str, run_copy: Workspace, server: QdrantServer, caplog: pytest.LogCaptureFixture
) -> None:
    serve_earlier_models(run_copy, server)
    server.plan, message = [Fault(f.kind, f.at, f.times, f.after) for f in FATAL[name][0]], FATAL[name][1]
    with pytest.raises(SimSongError, match=message) as caught:
        night(run_copy, config_of(server, retry_s=0.5))
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert KEY not in said
    assert "\n" not in str(caught.value)
    assert_serves_the_earlier(server)
    if name == "torn without end":  # what it had written is taken over by the next
        server.plan = []
        night(run_copy, config_of(server))
        assert_serves_as_embedded(server, run_copy)


@pytest.mark.slow
def test_bodies_that_are_too_large_are_sent_in_parts(run_copy: Workspace, server: QdrantServer) -> None:
    serve_earlier_models(run_copy, server)
    server.most_bytes, server.asked = 30_000, []
    night(run_copy, config_of(server, batch_bytes=4_000_000))
    assert len([asked for asked in server.asked if asked.endswith("/points") and asked.startswith("PUT")]) > 4
    assert_serves_as_embedded(server, run_copy)


@pytest.mark.slow
def test_no_alias_moves_to_an_index_that_is_being_built(run_copy: Workspace, server: QdrantServer) -> None:
    serve_earlier_models(run_copy, server)
    server.looks = 10**6
    with pytest.raises(SimSongError, match=r"is not green with \d+ songs after 0\.3 s .*ready_s"):
        night(run_copy, config_of(server, ready_s=0.3))
    assert_serves_the_earlier(server)


@pytest.mark.slow
def test_the_command_prints_no_key(run_copy: Workspace, server: QdrantServer) -> None:
    serve_earlier_models(run_copy, server)
    run_copy.save_config(config_of(server, retry_s=5.0))
    (run_copy.home / "ledger.json").unlink(missing_ok=True)
    server.plan = [Fault(503), Fault(500, after=1, times=99)]
    words = [sys.executable, "-m", "simsong_pipeline.cli.main", "refresh", "--publish-anyway"]
    words += ["--home", str(run_copy.home), "--qdrant-url", server.address]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "QDRANT_API_KEY": KEY}, check=False)
    assert done.returncode == 1
    assert "refused: 500" in done.stderr
    assert "(503): trying again" in done.stderr
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert_serves_the_earlier(server)
    assert not [path for path in _texts(run_copy.home) if KEY.encode() in path.read_bytes()]


def _texts(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


def test_upsert_is_what_faults_strike_by_default() -> None:
    fault = Fault(503, after=1)
    asked = ["PUT /collections/a/points", "POST /collections/a/points", "PUT /collections/a/points"]
    assert [fault.strikes(one) for one in asked] == [False, False, True]
    assert not fault.strikes(asked[0])
