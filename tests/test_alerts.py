"""The alerts as promtool reads them: each fires at planted series when it has to, and is silent else; panels add up."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from planted_series import PLANTED, Planted, Series, each
from prometheus_programs import ALERTS, FOLDER, RULES, configuration, promtool
from test_dashboard import DASHBOARD

NAMES = [str(rule["alert"]) for rule in RULES]


def test_promtool_reads_the_alerts() -> None:
    done = promtool("check", "rules", str(ALERTS))
    assert done.returncode == 0, done.stderr
    assert f"SUCCESS: {len(RULES)} rules found" in done.stdout


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.yaml") if path != ALERTS))
def test_promtool_reads_what_is_scraped(name: str, tmp_path: Path) -> None:
    """With its rules, and with files of keys where promtool looks for them."""
    done = promtool("check", "config", str(configuration(name, tmp_path, "a-key")))
    assert done.returncode == 0, done.stderr
    assert "1 rule files found" in done.stdout


def test_each_alert_has_its_planted_series() -> None:
    assert sorted(PLANTED) == sorted(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_alert_fires_at_what_it_is_meant_for_and_not_before(name: str, tmp_path: Path) -> None:
    planted = PLANTED[name]
    before = _asked(name, planted.from_minute - planted.every, [])
    then = _asked(name, planted.from_minute, list(_alerts(name, planted)))
    assert _failing(tmp_path, planted.fires, planted.every, alert_rule_test=[before, then]) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_silent_at_what_only_resembles_it(name: str, tmp_path: Path) -> None:
    planted = PLANTED[name]
    asked = [_asked(name, minute, []) for minute in range(0, planted.to_minute + 1, planted.every)]
    assert _failing(tmp_path, planted.silent, planted.every, alert_rule_test=asked) is None


@pytest.mark.parametrize("title", ["Songs of the last night", "Left out, by reason"])
def test_a_panel_adds_homes_and_counts_what_two_scrapes_show_once(title: str, tmp_path: Path) -> None:
    (expr,) = [t["expr"] for panel in DASHBOARD["panels"] if panel["title"] == title for t in panel["targets"]]
    metric = re.findall(r"simsong_\w+", expr)[0]
    labels = {"simsong_night_songs": 'what="embedded"', "simsong_songs_failed": 'reason="silent", stage="audio"'}[
        metric
    ]
    shown = {("music", "a:8080"): 3, ("music", "b:9100"): 3, ("other", "b:9100"): 5}
    series = {f'{metric}{{home="{home}", instance="{by}", {labels}}}': each((n, 2)) for (home, by), n in shown.items()}
    expected = [{"labels": f"{{{labels}}}", "value": 3 + 5}]
    asked = {"expr": expr.replace("$home", ".*"), "eval_time": "1m", "exp_samples": expected}
    assert _failing(tmp_path, series, promql_expr_test=[asked]) is None


def _alerts(name: str, planted: Planted) -> Iterator[dict[str, Any]]:
    (rule,) = (rule for rule in RULES if rule["alert"] == name)
    for labels, summary in planted.says.items():
        annotations = {"summary": summary, "runbook": rule["annotations"]["runbook"]}
        yield {"exp_labels": {**dict(labels), **rule["labels"]}, "exp_annotations": annotations}


def _asked(name: str, minute: int, expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": expected}


def _failing(folder: Path, series: Series, every: int = 1, **asked: list[dict[str, Any]]) -> str | None:
    """What promtool has to say against it; null where all is as expected.

    Args:
        asked: by the kind of promtool's test.
    """
    shutil.copyfile(ALERTS, folder / ALERTS.name)
    planted = [{"series": name, "values": values} for name, values in series.items()]
    file = folder / "planted.yaml"
    # YAML, which JSON is.
    file.write_text(
        json.dumps(
            {
                "rule_files": [ALERTS.name],
                "evaluation_interval": f"{every}m",
                "tests": [{"interval": f"{every}m", "input_series": planted, **asked}],
            }
        )
    )
    done = promtool("test", "rules", str(file))
    return None if done.returncode == 0 else done.stdout + done.stderr
