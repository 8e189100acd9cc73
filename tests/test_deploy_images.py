"""The Dockerfile: what a linter says, pinned bases, what is built from what."""

import re
import subprocess
from pathlib import Path

import pytest
from deployment import DEPLOY, ROLES, ROOT, environment_of, inherited, stages, tool


def _linted(file: Path) -> "subprocess.CompletedProcess[str]":
    command = [tool("hadolint"), "--no-color", "--failure-threshold", "info", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_linter_finds_nothing() -> None:
    done = _linted(DEPLOY / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("RUN cd /srv && sudo ls", "DL3004"),
        ("RUN apt-get update && apt-get install curl", "DL3014"),
        ("FROM debian", "DL3006"),
    ],
)
def test_the_linter_looks(tmp_path: Path, line: str, rule: str) -> None:
    (tmp_path / "Dockerfile").write_text((DEPLOY / "Dockerfile").read_text() + f"\n{line}\n")
    done = _linted(tmp_path / "Dockerfile")
    assert done.returncode == 1
    assert rule in done.stdout


def test_every_stage_begins_with_another_one_or_the_one_base_that_a_digest_pins() -> None:
    begins = [own[0][1].split(" AS ")[0] for name, own in stages().items() if name]
    assert {base for base in begins if base not in stages()} == {"${PYTHON_IMAGE}${PYTHON_DIGEST}"}
    image = next(rest for kind, rest in stages()[""] if rest.startswith("PYTHON_IMAGE="))
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+-slim-\w+", image)


def test_the_stage_of_an_image_stands_right_after_what_is_installed_for_it() -> None:
    # A builder without BuildKit makes every stage above a target: those of larger images are below.
    names = list(stages())
    assert [names[names.index(role) - 1] for role in ROLES] == [f"{role}-installed" for role in ROLES]
    assert [name for name in names if name in ROLES] == list(ROLES)


def test_programs_come_from_the_wheel_by_the_constraints() -> None:
    for role in ROLES:
        copied = [rest for kind, rest in stages()[role] if kind == "COPY"]
        assert copied == [f"--from={role}-installed /opt/simsong /opt/simsong"]
        installs = [rest for kind, rest in inherited(f"{role}-installed") if kind == "RUN" and "pip install" in rest]
        assert installs
        assert all("--constraint /wheels/constraints.txt" in install for install in installs)


def test_the_context_holds_what_the_wheel_is_built_from_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    packages = {name.partition("*")[0] for name in ("simsong_pipeline*", "dagster_project*", "export*")}
    assert packages | {"pyproject.toml", "README.md", "constraints.txt"} <= let_in
    assert let_in & {"tests", "benchmarks", ".git", "deploy", "deploy/.env"} == set()


def test_what_is_written_to_belongs_to_who_runs() -> None:
    made = next(rest for kind, rest in stages()["runtime"] if kind == "RUN")
    folders = re.search(r"install --directory --owner=10001 --group=10001 (.*)", made)
    assert folders is not None
    owned = set(folders[1].split())
    for role in ROLES:
        places = {value for name, value in environment_of(role).items() if name.startswith(("SIMSONG_", "DAGSTER_"))}
        assert places <= owned
