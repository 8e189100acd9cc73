"""What deploy/stack.py starts is what compose.yaml starts: the same commands, but for addresses and folders."""

import sys

import pytest
import yaml
from deployment import DEPLOY, command_in, composed, pod_templates

sys.path.insert(0, str(DEPLOY))
import processes

_WORKSPACE = "/opt/dagster/workspace.yaml"
WANTED = {
    "code": processes.code_server(processes.MODULES[0], "0.0.0.0", 4000),
    "code-2": processes.code_server(processes.MODULES[1], "0.0.0.0", 4000),
    "daemon": processes.daemon(_WORKSPACE),
    "webserver": processes.webserver("0.0.0.0", 3000, _WORKSPACE),
    "webserver-admin": processes.webserver("0.0.0.0", 3000, _WORKSPACE, read_only=False),
    "service": processes.service("0.0.0.0", 8080),
}


@pytest.mark.parametrize("name", WANTED)
def test_compose_runs_the_commands_of_the_stack(name: str) -> None:
    assert composed()["services"][name]["command"] == WANTED[name]


def test_compose_starts_nothing_of_ours_besides() -> None:
    ours = {name: service for name, service in composed()["services"].items() if "build" in service}
    always = {name for name, service in ours.items() if "profiles" not in service and service["restart"] != "no"}
    assert always == set(WANTED) - {"webserver-admin"}


def test_images_begin_with_the_same_commands() -> None:
    assert command_in("service", "CMD") == WANTED["service"]
    assert command_in("dagster", "CMD") == WANTED["code"]


def test_manifests_serve_by_the_same_command() -> None:
    commands = [template["spec"]["containers"][0]["command"] for _, template in pod_templates(("base",))]
    assert sorted(commands, key=len) == [WANTED["service"], [*WANTED["service"], "--read-only"]]


def test_the_workspace_file_is_written_as_composes_is() -> None:
    places = {processes.MODULES[0]: ("code", 4000), processes.MODULES[1]: ("code-2", 4000)}
    assert yaml.safe_load(processes.workspace(places)) == yaml.safe_load((DEPLOY / "workspace.yaml").read_text())
