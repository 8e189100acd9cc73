"""Commands of compose, kubectl and helm that documents write: their files, services, profiles, what they run inside."""

from itertools import pairwise
from pathlib import Path

import pytest
from command_line import taken
from deployment import DEPLOY, ROOT, composed, values
from documents import DOCUMENTS, commands_of

from deploy.release.requirements import pins


def _all(program: str) -> list[list[str]]:
    return [words for document in DOCUMENTS for words in commands_of(document) if words[0] == program]


def _options(words: list[str], *with_values: str) -> tuple[dict[str, str], list[str]]:
    """Options before the first word that is none, with their values; the rest."""
    found: dict[str, str] = {}
    left = list(words)
    while left and left[0].startswith("-"):
        name = left.pop(0)
        found[name] = left.pop(0) if name in with_values else ""
    return found, left


def test_compose_is_asked_for_what_it_has(tmp_path: Path) -> None:
    asked = [words[2:] for words in _all("docker") if words[1] == "compose"]
    here = {"/music": str(tmp_path), "/opt/dagster/workspace.yaml": str(DEPLOY / "workspace.yaml")}
    profiles = {p for s in composed()["services"].values() for p in s.get("profiles", [])}
    for words in asked:
        options, left = _options(words, "-f", "--profile")
        assert (ROOT / options.get("-f", "deploy/compose.yaml")).is_file()
        assert options.get("--profile", "tools") in profiles
        _, rest = _options(left[1:])
        if left[0] in ("run", "exec"):
            assert rest[0] in composed()["services"]
            assert taken([here.get(word, word) for word in rest[1:]])
        else:
            assert left[0] in ("build", "down", "logs", "ps", "pull", "restart", "stop", "up")
            assert set(rest) <= set(composed()["services"])
    assert len(asked) >= 3


@pytest.mark.parametrize("program", ["kubectl", "helm"])
def test_folders_and_files_are_there(program: str) -> None:
    named = 0
    for words in _all(program):
        for option, path in pairwise(words):
            if option in ("-k", "-f"):
                assert (ROOT / path / "kustomization.yaml").is_file() or (ROOT / path).is_file(), path
                named += 1
    assert named >= 2


def test_what_kubectl_runs_inside_is_taken() -> None:
    inside = [words[words.index("--") + 1 :] for words in _all("kubectl") if "--" in words]
    places = {"/dagster-workspace/workspace.yaml": str(DEPLOY / "workspace.yaml")}
    locations = {deployment["name"] for deployment in values("dagster")["dagster-user-deployments"]["deployments"]}
    for words in inside:
        assert taken([places.get(word, word) for word in words])
        assert words[words.index("-l") + 1] in locations
    assert inside


def test_charts_are_installed_under_the_names_that_manifests_ask_for() -> None:
    installed = {words[3]: words for words in _all("helm") if words[1] == "upgrade"}
    assert set(installed) == {"dagster", "qdrant"}
    assert installed["qdrant"][3] == values("qdrant")["fullnameOverride"]
    words = installed["dagster"]
    assert words[words.index("--version") + 1] == pins()["dagster"]


def test_the_example_of_settings_is_copied_where_compose_looks() -> None:
    (copied,) = [words for words in _all("cp") if ".env" in words[1]]
    assert (ROOT / copied[1]).samefile(DEPLOY / ".env.example")
    assert ROOT / copied[2] == DEPLOY / ".env"
    assert "/deploy/.env" in (ROOT / ".gitignore").read_text().splitlines()
