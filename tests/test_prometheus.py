"""A real Prometheus that scrapes a real service and the textfiles of nights, by the project's own configuration.

Its dashboard and its alerts are asked there.
"""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_programs import FOLDER, RULES, configuration, program, promtool, running
from test_dashboard import DASHBOARD
from watched_night import Scrape, WatchedNight

from deploy.postgres import free_port
from simsong_pipeline.observing.handing_out import GATEWAY, hand_out

pytestmark = pytest.mark.slow
KEY = "correct-horse-battery"
_BEARER = {"authorization": f"Bearer {KEY}"}
_PATIENCE_S = 60.0
PANELS = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
]


@dataclass(frozen=True)
class Scraping:
    """A Prometheus at work.

    Attributes:
        service, textfiles, nobody: what it scrapes; nobody listens at the last.
    """

    url: str
    service: str
    textfiles: str
    nobody: str

    def get(self, path: str, **params: str) -> Any:
        """The data of an answer of its API."""
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=params, trust_env=False, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def values(self, expr: str) -> list[float]:
        """What an expression is now, without what is no number."""
        found = [float(series["value"][1]) for series in self.get("query", query=expr)["result"]]
        return [value for value in found if not math.isnan(value)]


def _asked_by_grafana(expr: str) -> str:
    """An expression of the dashboard with `All` chosen."""
    return expr.replace("$home", ".*").replace("$instance", ".*")


@pytest.fixture(scope="module")
def scraping(night: WatchedNight, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraping]:
    """From when each panel has something to show, or there is no more patience; the service is asked meanwhile."""
    programs = [program(name) for name in ("prometheus", "prometheus-node-exporter")]
    folder = tmp_path_factory.mktemp("prometheus")
    ports = [free_port() for _ in range(4)]
    service, textfiles, nobody, own = (f"127.0.0.1:{port}" for port in ports)
    targets = {"simsong": [service, nobody], "simsong-nights": [textfiles]}
    config = configuration("prometheus.yaml", folder, KEY, targets)
    serve = [sys.executable, "-m", "simsong_pipeline.cli.main", "serve", "--home", str(night.workspace.home)]
    collector = f"--collector.textfile.directory={night.workspace.home.parent / 'textfiles'}"
    commands = {
        f"http://{service}/api/v1/health": [*serve, "--port", str(ports[0])],
        f"http://{textfiles}/": [programs[1], f"--web.listen-address={textfiles}", collector],
        f"http://{own}/-/ready": [
            *(programs[0], f"--config.file={config}", f"--web.listen-address={own}"),
            f"--storage.tsdb.path={folder / 'data'}",
        ],
    }
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("SIMSONG_API_KEY", KEY)
        for n, (ready, command) in enumerate(commands.items()):
            stack.enter_context(running(command, ready, folder / f"{n}.log"))
        there = Scraping(f"http://{own}", service, textfiles, nobody)
        waiting, ends = [_asked_by_grafana(panel.values[0]) for panel in PANELS], time.monotonic() + _PATIENCE_S
        for song in cycle(_songs(f"http://{service}/api/v1")):
            _ask(f"http://{service}/api/v1", song)
            waiting = [expr for expr in waiting if not there.values(expr)]
            if not waiting or time.monotonic() > ends:
                break
        yield there


def _songs(api: str) -> list[str]:
    answer = httpx.get(f"{api}/songs", params={"limit": 24}, headers=_BEARER, trust_env=False, timeout=30)
    return [song["id"] for song in answer.json()["items"]]


def _ask(api: str, song: str) -> None:
    """A few questions; one of them has no answer."""
    with httpx.Client(headers=_BEARER, trust_env=False, timeout=30) as client:
        for path, params in (("similar", {"like": song}), ("search", {"q": "a"}), ("similar", {"like": "nobody"})):
            known = client.get(f"{api}/{path}", params=params).status_code == 200
            assert known != ("nobody" in params.values())
    time.sleep(0.1)


def test_what_is_scraped_is_up(scraping: Scraping) -> None:
    found = {target["labels"]["instance"]: target for target in scraping.get("targets")["activeTargets"]}
    assert set(found) == {scraping.service, scraping.textfiles, scraping.nobody}
    for instance in (scraping.service, scraping.textfiles):
        assert (found[instance]["health"], found[instance]["lastError"]) == ("up", "")
    assert found[scraping.nobody]["health"] == "down"
    named = {job["job_name"] for job in yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]}
    assert {target["labels"]["job"] for target in found.values()} == named


@pytest.mark.parametrize("expr", PANELS)
def test_a_panel_has_something_to_show(expr: str, scraping: Scraping) -> None:
    assert scraping.values(_asked_by_grafana(expr))


def test_variables_of_the_dashboard_have_their_values(scraping: Scraping, night: WatchedNight) -> None:
    found = {}
    for variable in DASHBOARD["templating"]["list"][1:]:
        metric, label = variable["definition"].removeprefix("label_values(").rstrip(")").split(", ")
        found[variable["name"]] = scraping.get(f"label/{label}/values", **{"match[]": metric})
    assert found == {"home": [night.workspace.home.name], "instance": [scraping.service]}


def test_both_ways_of_a_night_say_the_same(scraping: Scraping) -> None:
    for metric in ("simsong_night_tracks", "simsong_night_last_success_timestamp_seconds"):
        assert len(scraping.values(metric)) == 2
        assert len(set(scraping.values(metric))) == 1


def test_alerts_are_evaluated_and_the_one_that_is_meant_stands(scraping: Scraping) -> None:
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends:
        rules = [rule for group in scraping.get("rules")["groups"] for rule in group["rules"]]
        if {rule["health"] for rule in rules} == {"ok"}:
            break
        time.sleep(0.2)
    assert {rule["name"]: (rule["health"], rule.get("lastError")) for rule in rules} == {
        rule["alert"]: ("ok", None) for rule in RULES
    }
    (standing,) = scraping.get("query", query='ALERTS{alertname="SimSongServiceDown"}')["result"]
    assert standing["metric"]["instance"] == scraping.nobody
    assert {rule["name"] for rule in rules if rule["state"] != "inactive"} == {"SimSongServiceDown"}


def test_promtool_has_nothing_against_the_names(scraping: Scraping, night: WatchedNight) -> None:
    for said in (_said(scraping), night.textfile):
        done = promtool("check", "metrics", said=said)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _said(scraping: Scraping) -> str:
    return httpx.get(f"http://{scraping.service}/metrics", headers=_BEARER, trust_env=False).text


def test_a_pushgateway_takes_a_night_and_gives_it_again(
    night: WatchedNight, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = [program("prometheus-pushgateway"), f"--web.listen-address={address}"]
    with running(command, f"http://{address}/-/ready", tmp_path / "log"):
        hand_out(night.workspace, {GATEWAY: f"http://{address}"})
        given = Scrape(httpx.get(f"http://{address}/metrics", trust_env=False).text).samples
    assert not caplog.text
    pushed = {key: value for key, value in Scrape(night.textfile).samples.items() if "_disk_" not in key[0]}
    assert len(pushed) > 20
    added = (("instance", ""), ("job", "simsong"))
    assert {(name, of): given[name, tuple(sorted((*of, *added)))] for name, of in pushed} == pushed
