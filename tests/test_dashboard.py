"""The dashboard and the alerts ask for nothing that is not there: each query is held against a real scrape."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import promql_parser as promql
import pytest
import yaml
from serving import Served
from watched_night import Scrape

DEPLOY = Path(__file__).parents[1] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "simsong.json").read_text())
ALERTS = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
# What Prometheus itself adds to whatever it scrapes.
_ADDED = {"job", "instance"}
_VARIABLES = ("home", "instance")


def _queries() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]


QUERIES = [pytest.param(expr, id=f"{name} {n}") for n, (name, expr) in enumerate(_queries())]


def _without_variables(expr: str) -> str:
    for name in _VARIABLES:
        expr = expr.replace(f"${name}", ".*")
    return expr


def _parts(expr: object) -> Iterator[object]:
    yield expr
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        if (part := getattr(expr, name, None)) is not None:
            yield from _parts(part)
    for argument in getattr(expr, "args", ()):
        yield from _parts(argument)


@pytest.mark.parametrize("expr", QUERIES)
def test_a_query_names_metrics_and_labels_that_are_there(expr: str, asked: tuple[Served, Scrape]) -> None:
    parts = list(_parts(promql.parse(_without_variables(expr))))
    selectors = [part for part in parts if isinstance(part, promql.VectorSelector)]
    assert selectors
    known: set[str] = set()
    for selector in selectors:
        series = [dict(labels) for name, labels in asked[1].samples if name == selector.name]
        assert series or selector.name == "up", f"{selector.name} is in no scrape"
        labels = {label for of in series for label in of} | _ADDED
        assert {matcher.name for matcher in selector.matchers.matchers} <= labels
        known |= labels
    for part in parts:
        modifier = getattr(part, "modifier", None)
        grouped = getattr(modifier, "labels", None) or getattr(getattr(modifier, "matching", None), "labels", ())
        assert set(grouped) <= known


@pytest.mark.parametrize("expr", QUERIES)
def test_a_query_asks_for_values_that_are_there(expr: str, asked: tuple[Served, Scrape]) -> None:
    """States and routes are spelled as the program spells them; statuses and reasons may well not have come about."""
    for selector in _parts(promql.parse(_without_variables(expr))):
        for matcher in getattr(getattr(selector, "matchers", None), "matchers", ()):
            if matcher.name == "state":
                assert asked[1].all(selector.name, state=matcher.value)  # type: ignore[attr-defined]
            if matcher.name == "route":
                routes = {dict(of)["route"] for of in asked[1].all(selector.name)}  # type: ignore[attr-defined]
                assert "/api/v1/similar" in routes
                assert "/api/v1/(similar|" in matcher.value


def test_each_metric_is_described_in_the_documents(asked: tuple[Served, Scrape]) -> None:
    described = (DEPLOY.parent / "docs" / "observing.md").read_text()
    names = {re.sub("_(bucket|count|sum)$", "", name) for name, _ in asked[1].samples if name.startswith("simsong_")}
    assert len(names) > 20
    assert {name for name in names if f"`{name}`" not in described} == set()


def test_panels_have_ids_places_and_the_variables_that_they_use() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells), "panels lie on each other"
    assert max(x for x, _ in cells) < 24
    assert {v["name"] for v in DASHBOARD["templating"]["list"]} == {"datasource", *_VARIABLES}


def test_variables_are_of_metrics_that_are_there(asked: tuple[Served, Scrape]) -> None:
    for variable in DASHBOARD["templating"]["list"][1:]:
        name, label = variable["definition"].removeprefix("label_values(").rstrip(")").split(", ")
        assert label in _ADDED or asked[1].by(name, label)


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_says_what_it_means_and_where_to_read_on(rule: dict[str, dict[str, str]]) -> None:
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{str(rule['alert']).lower()}"
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_prometheus_reads_the_alerts_and_grafana_its_folder() -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    assert scraped["rule_files"] == ["alerts.yaml"]
    assert {job["job_name"] for job in scraped["scrape_configs"]} >= {"simsong"}
    for file in (DEPLOY / "grafana" / "provisioning").rglob("*.yaml"):
        assert yaml.safe_load(file.read_text())["apiVersion"] == 1
