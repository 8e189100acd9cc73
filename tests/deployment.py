"""What `deploy/` holds, read by the programs that will read it: compose and kustomize; a Dockerfile by a few lines."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
ROLES = ("worker", "service", "dagster", "training")
KUSTOMIZATIONS = ("base", "example", "jobs/scan", "jobs/embed", "jobs/run", "jobs/ray")
# As a person would fill in what .env.example leaves empty.
FILLED_IN = {
    "QDRANT_API_KEY": "a-key-of-the-index",
    "POSTGRES_PASSWORD": "a-password",
    "SIMSONG_API_KEY": "a-key-of-the-service",
}
Document = dict[str, Any]


def tool(name: str) -> str:
    """A program of the packages that `dev` names; the test is skipped where its package has none for this machine."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: pip install -e .[dev] has it for Linux")
    return found


def project() -> Document:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def composed() -> Document:
    """compose.yaml with every profile, as Docker's own program reads it: merged, filled in and checked."""
    done = compose_config(DEPLOY / "compose.yaml")
    assert done.returncode == 0, done.stderr
    config: Document = json.loads(done.stdout)
    return config


def compose_config(*files: Path, **changes: str) -> "subprocess.CompletedProcess[str]":
    """What `docker compose config` says of files, with the settings of .env.example and the changes."""
    named = [word for file in files for word in ("-f", str(file))]
    settings = {**example_settings(), **FILLED_IN, **changes}
    return subprocess.run(
        [tool("docker-compose"), *named, "--project-directory", str(DEPLOY), "--profile", "*", "config"]
        + ["--format", "json"],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def example_settings() -> dict[str, str]:
    """The variables of .env.example."""
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value.strip("'") for name, _, value in pairs}


@cache
def rendered(kustomization: str) -> tuple[Document, ...]:
    """The manifests that kubectl makes of a folder below deploy/kubernetes."""
    done = subprocess.run(
        [tool("kubectl"), "kustomize", str(KUBERNETES / kustomization)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def values(chart: str) -> Document:
    """The values for somebody else's chart."""
    loaded: Document = yaml.safe_load((KUBERNETES / "charts" / f"{chart}.yaml").read_text())
    return loaded


def pod_templates(kustomizations: tuple[str, ...] = KUSTOMIZATIONS) -> Iterator[tuple[str, Document]]:
    """Every pod that manifests describe: kind and name of what holds it, and its template."""
    for kustomization in kustomizations:
        for manifest in rendered(kustomization):
            called = f"{manifest['kind']} {manifest['metadata']['name']}"
            for path, template in _templates(manifest, ""):
                yield f"{called}{path}", template


def _templates(node: object, path: str) -> Iterator[tuple[str, Document]]:
    if isinstance(node, dict):
        if "containers" in node.get("spec", {}) and "kind" not in node:
            yield path, node
            return
        for key, value in node.items():
            yield from _templates(value, f"{path}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _templates(value, f"{path}.{number}")


@cache
def stages() -> dict[str, list[tuple[str, str]]]:
    """The Dockerfile's stages by name, each its instructions with what stands after them."""
    text = (DEPLOY / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: dict[str, list[tuple[str, str]]] = {"": []}
    name = ""
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            name = rest.split(" AS ")[1]
            found[name] = []
        if instruction:
            found[name].append((instruction, rest.strip()))
    return found


def inherited(target: str) -> list[tuple[str, str]]:
    """The instructions of a target and of the stages that it begins with, the oldest first."""
    own = stages()[target]
    begins = own[0][1].split(" AS ")[0]
    return (inherited(begins) if begins in stages() else []) + own


def environment_of(target: str) -> dict[str, str]:
    """What ENV sets in an image."""
    words = [word for kind, rest in inherited(target) if kind == "ENV" for word in shlex.split(rest)]
    return dict(word.split("=", 1) for word in words)


def command_in(target: str, instruction: str) -> list[str]:
    """The last CMD or HEALTHCHECK of an image, as a list of words."""
    last = [rest for kind, rest in inherited(target) if kind == instruction][-1]
    command: list[str] = json.loads(last[last.index("[") :])
    return command
