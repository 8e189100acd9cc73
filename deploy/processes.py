"""What runs: the commands that compose.yaml's containers and stack.py start, and when each of them answers.

`tests/test_deploy_processes.py` holds compose.yaml to these commands.
"""

import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

MODULES = ("dagster_project.definitions", "dagster_project.provider_definitions")
_ASK_S = 2.0
_DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { required healthy } } } }"


def code_server(module: str, host: str, port: int) -> list[str]:
    """A code location. Runs are its children: it has the home, the music and the keys of providers."""
    return ["dagster", "code-server", "start", "-h", host, "-p", str(port), "-m", module]


def webserver(host: str, port: int, workspace: str, read_only: bool = True) -> list[str]:
    """Dagster's web interface; it changes nothing where it is to read only."""
    command = ["dagster-webserver", "-h", host, "-p", str(port), "-w", workspace]
    return [*command, "--read-only"] if read_only else command


def daemon(workspace: str) -> list[str]:
    """Schedules, sensors and the queue of runs. Two of them would do everything twice."""
    return ["dagster-daemon", "run", "-w", workspace]


def service(host: str, port: int) -> list[str]:
    """The page, the API and the players' protocols over the home that SIMSONG_HOME names."""
    return ["simsong", "serve", "--host", host, "--port", str(port)]


def workspace(places: Mapping[str, tuple[str, int]]) -> str:
    """Dagster's workspace file of some code locations, which are called by their modules: YAML, which JSON is."""
    servers = [
        {"grpc_server": {"host": host, "port": port, "location_name": module}}
        for module, (host, port) in places.items()
    ]
    return json.dumps({"load_from": servers}, indent=1)


def of_this_environment(command: list[str]) -> list[str]:
    """The command with its program beside this Python, where there is one."""
    beside = Path(sys.executable).with_name(command[0])
    return [str(beside), *command[1:]] if beside.is_file() else command


def page_answers(url: str) -> bool:
    """Whether an address gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=_ASK_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def daemon_answers(webserver_url: str) -> bool:
    """Whether every daemon that is needed has said lately that it lives; see `dagster-daemon liveness-check`."""
    body = json.dumps({"query": _DAEMONS}).encode()
    request = urllib.request.Request(f"{webserver_url}/graphql", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_ASK_S * 5) as answer:
            told = json.loads(answer.read())["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
    except OSError:
        return False
    return all(daemon["healthy"] for daemon in told if daemon["required"])
