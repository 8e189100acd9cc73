"""How fresh the index and its metrics are, as Dagster's own evaluation finds it; and Dagster's lines for programs."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions import freshness_evaluator
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.loader import LoadingContextForTest

from dagster_project.definitions import defs
from dagster_project.freshness import INDEX, METRICS, vouched
from dagster_project.json_logger import json_lines
from simsong_pipeline.config import VARIANTS
from simsong_pipeline.home.workspace import Workspace

GRAPH = defs.resolve_asset_graph()
STATES = {1: FreshnessState.PASS, 25: FreshnessState.PASS, 49: FreshnessState.WARN, 73: FreshnessState.FAIL}
WITH_POLICY = sorted(INDEX | {METRICS})


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey(name.split("/"))


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    """One that has seen nothing of what a test does not tell it."""
    with dg.instance_for_test() as made:
        yield made


def _state(instance: dg.DagsterInstance, name: str) -> FreshnessState:
    evaluator = freshness_evaluator.FRESHNESS_EVALUATORS_BY_POLICY_TYPE[
        type(GRAPH.get(_key(name)).freshness_policy_or_from_metadata)  # type: ignore[index]
    ]
    return asyncio.run(evaluator().evaluate_freshness(LoadingContextForTest(instance), GRAPH.get(_key(name))))


def test_the_index_and_the_metrics_have_policies_and_what_they_are_made_of_has_none() -> None:
    having = {k.to_user_string() for k in GRAPH.get_all_asset_keys() if GRAPH.get(k).freshness_policy_or_from_metadata}
    assert having == {"ledger", "metrics", *(f"{v}/qdrant_collection" for v in VARIANTS)}


@pytest.mark.parametrize("name", WITH_POLICY)
def test_a_missed_night_warns_and_two_fail(
    name: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _state(instance, name) == FreshnessState.UNKNOWN
    instance.report_runless_asset_event(dg.AssetMaterialization(_key(name)))
    made = time.time()
    for hours, state in STATES.items():
        monkeypatch.setattr(freshness_evaluator, "get_current_timestamp", lambda h=hours: made + h * 3_600)
        assert _state(instance, name) == state


@pytest.mark.parametrize(("measured_s", "names"), [(10, {*INDEX, METRICS}), (-10, INDEX)])
def test_metrics_of_the_present_vectors_are_vouched_for(tmp_path: Path, measured_s: int, names: set[str]) -> None:
    workspace, now = Workspace(tmp_path), time.time()
    files = [workspace.frame_path(f"{v}/track_vectors") / "manifest.json" for v in VARIANTS]
    for file, moment in [(workspace.frame_path(METRICS), now + measured_s), *((f, now) for f in files)]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (moment, moment))
    assert {event.asset_key.to_user_string() for event in vouched(workspace)} == names


def test_metrics_that_nobody_has_taken_are_not_vouched_for(tmp_path: Path) -> None:
    assert {event.asset_key.to_user_string() for event in vouched(Workspace(tmp_path))} == INDEX


def test_dagsters_lines_are_objects_with_run_and_step(
    instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", "c4nary-qdrant")

    @dg.asset
    def said(context: dg.AssetExecutionContext) -> None:
        context.log.info("asked with c4nary-qdrant")

    job = dg.Definitions(assets=[said], loggers={"console": json_lines}).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, run_config={"loggers": {"console": {"config": {}}}})
    text = capsys.readouterr().err
    (line,) = [line for line in map(json.loads, text.splitlines()) if "asked with" in line["message"]]
    assert (line["dagster_run"], line["step"], line["level"]) == (result.run_id, "said", "info")
    assert "c4nary" not in text
