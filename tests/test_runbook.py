"""The runbook has a place for each alarm and each key, and its figures are of the packages that are installed."""

import re

import pytest
from documents import ROOT

from deploy.release.requirements import runtime_packages
from deploy.release.sizes import megabytes

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"


def test_each_alarm_has_a_heading_and_each_heading_its_alarm() -> None:
    named = re.findall(r"^\s*-? *alert: (\w+)", ALERTS.read_text(), re.MULTILINE)
    assert len(named) >= 9
    assert re.findall(r"^### (\w+)$", RUNBOOK[RUNBOOK.index("\n## Alarms\n") :], re.MULTILINE) == named
    for anchor in re.findall(r"docs/runbook\.md#([\w-]+)", ALERTS.read_text()):
        assert anchor in [name.lower() for name in named]


def test_each_key_of_the_environment_is_told_how_to_exchange() -> None:
    sources = [p for part in ("simsong_pipeline", "dagster_project") for p in (ROOT / part).rglob("*.py")]
    text = "".join(path.read_text() for path in sources)
    keys = set(re.findall(r"\b((?:SIMSONG|QDRANT|DAGSTER)_[A-Z_]*(?:KEY|PASSWORD|TOKEN|SMTP_URL|WEBHOOK_URL))\b", text))
    assert {"SIMSONG_API_KEY", "QDRANT_API_KEY"} <= keys
    assert [key for key in sorted(keys) if key not in RUNBOOK] == []


@pytest.mark.parametrize("extras", ["", "serve", "dagster,postgres,serve", "s3", "train"])
def test_megabytes_of_a_role_are_as_the_runbook_has_them(extras: str) -> None:
    """Within a tenth: other systems have other wheels, and a role that doubles is to be seen."""
    name = f"simsong[{extras}]" if extras else "simsong"
    row = re.search(rf"^\| `{re.escape(name)}` \|.*\| ([\d,]+) \|$", RUNBOOK, re.MULTILINE)
    assert row is not None
    packages = runtime_packages(filter(None, extras.split(",")))
    if "onnxruntime-gpu" not in packages or ("train" in extras and "nvidia-cublas" not in packages):
        pytest.skip("these are the figures of Linux on x86-64")
    assert sum(map(megabytes, packages.values())) == pytest.approx(int(row[1].replace(",", "")), rel=0.1)
