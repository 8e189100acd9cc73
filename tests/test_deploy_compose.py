"""compose.yaml: valid by Docker's own program, hardened, and of one mind with the files beside it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployment import DEPLOY, FILLED_IN, compose_config, composed, environment_of

Services = dict[str, dict[str, Any]]


def _services() -> Services:
    found: Services = composed()["services"]
    return found


@pytest.mark.parametrize(
    ("written", "instead"),
    [("read_only: true", "read_only: perhaps"), ("restart: unless-stopped", "restrat: unless-stopped"),
     ("networks: [inside]", "networks: [aside]")],
)  # fmt: skip
def test_a_mistake_is_refused(tmp_path: Path, written: str, instead: str) -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    assert written in text
    (tmp_path / "compose.yaml").write_text(text.replace(written, instead, 1))
    assert compose_config(tmp_path / "compose.yaml").returncode != 0


@pytest.mark.parametrize("name", FILLED_IN)
def test_nothing_starts_without_its_keys(name: str) -> None:
    done = compose_config(DEPLOY / "compose.yaml", **{name: ""})
    assert done.returncode != 0
    assert name in done.stderr


def test_training_sees_the_gpus_where_it_is_to() -> None:
    done = compose_config(DEPLOY / "compose.yaml", DEPLOY / "compose.gpu.yaml")
    training = json.loads(done.stdout)["services"]["training"]
    (device,) = training["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert training["deploy"]["resources"]["limits"] == _services()["training"]["deploy"]["resources"]["limits"]


def test_no_key_is_written_down() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    for name, value in re.findall(r"^\s+(\w*(?:KEY|PASSWORD|SECRET|TOKEN)\w*): (.*)$", text, re.MULTILINE):
        assert value.startswith("${"), name
    example = (DEPLOY / ".env.example").read_text()
    assert re.findall(r"^\w*(?:KEY|PASSWORD|TOKEN)\w*=(.*)$", example, re.MULTILINE) == ["", "", "", "''", "", ""]


@pytest.mark.parametrize("name", ["restart", "cap_drop", "security_opt", "read_only", "init", "logging"])
def test_every_container_is_hardened(name: str) -> None:
    wanted = {
        "restart": ("unless-stopped", "no"), "cap_drop": (["ALL"],), "security_opt": (["no-new-privileges:true"],),
        "read_only": (True,), "init": (True,),
        "logging": ({"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},),
    }  # fmt: skip
    for called, service in _services().items():
        assert service[name] in wanted[name], called


def test_every_container_has_limits_a_health_and_a_user_that_is_not_root() -> None:
    for called, service in _services().items():
        # Docker starts nothing that may use more cores than there are, so there is no limit of cores.
        assert set(service["deploy"]["resources"]["limits"]) == {"memory"}, called
        assert "healthcheck" in service or "build" in service, called  # or the image's own
        # Caddy gives its rights away itself but the one for the ports below 1024, which is all that it has.
        assert "build" in service or "user" in service or service["cap_add"] == ["NET_BIND_SERVICE"], called


def test_what_works_yields_to_who_waits_for_an_answer() -> None:
    yielding = {called for called, service in _services().items() if service.get("cpu_shares", 1024) < 1024}
    assert yielding == {"code", "code-2", "models", "training", "worker"}


def test_what_is_needed_is_waited_for_until_it_is_healthy() -> None:
    for called, service in _services().items():
        for needed, how in service.get("depends_on", {}).items():
            once = _services()[needed]["restart"] == "no"
            assert how["condition"] == ("service_completed_successfully" if once else "service_healthy"), called
            assert "healthcheck" in _services()[needed] or "build" in _services()[needed]
    assert set(_services()["daemon"]["depends_on"]) == {"postgres", "code", "code-2"}


def test_ports_are_open_to_this_machine_alone_but_the_proxys() -> None:
    for called, service in _services().items():
        for port in service.get("ports", []):
            assert called == "proxy" or port["host_ip"] == "127.0.0.1", called
    published = [port["published"] for service in _services().values() for port in service.get("ports", [])]
    assert len(published) == len({*published}) + 1  # 443 by TCP and by UDP


def test_what_holds_data_has_no_way_out() -> None:
    assert composed()["networks"]["inside"]["internal"] is True
    for called in ("qdrant", "postgres"):
        assert set(_services()[called]["networks"]) == {"inside"}
        assert "ports" not in _services()[called]


def _mounts(service: dict[str, Any]) -> dict[str, str]:
    return {mount["target"]: mount["source"] for mount in service["volumes"]}


def test_the_home_of_the_nights_is_the_home_of_the_service() -> None:
    place = environment_of("service")["SIMSONG_HOME"]
    homes = {called: _mounts(service).get(place) for called, service in _services().items() if "volumes" in service}
    assert {called for called, source in homes.items() if source == "home"} == {
        "code", "code-2", "models", "service", "worker", "training",
    }  # fmt: skip
    music = {_mounts(_services()[called])["/music"] for called, source in homes.items() if source == "home"}
    assert len(music) == 1


def test_whatever_our_images_write_to_is_a_volume_or_in_memory() -> None:
    for called, service in _services().items():
        if "build" not in service:
            continue
        written = [mount.partition(":")[0] for mount in service["tmpfs"]] + list(_mounts(service))
        needed = {"/tmp"} | ({"/opt/dagster"} if service["build"]["target"] == "dagster" else set())
        assert needed <= set(written), called


def test_one_daemon_and_an_interface_that_only_reads() -> None:
    commands = {called: service.get("command") or [] for called, service in _services().items()}
    assert [called for called, command in commands.items() if command[:1] == ["dagster-daemon"]] == ["daemon"]
    assert "--read-only" in commands["webserver"]
    open_to_changes = [
        c for c, words in commands.items() if words[:1] == ["dagster-webserver"] and "--read-only" not in words
    ]
    assert open_to_changes == ["webserver-admin"]
    assert _services()["webserver-admin"]["profiles"] == ["admin"]


def test_runs_are_told_that_their_code_location_is_to_end() -> None:
    for called, service in _services().items():
        if (service.get("command") or [])[:2] == ["dagster", "code-server"]:
            assert (service["init"], service["environment"]["TINI_KILL_PROCESS_GROUP"]) == (True, "1"), called


@pytest.mark.parametrize("file", ["dagster.yaml", "dagster-local.yaml"])
def test_a_run_whose_code_location_was_killed_is_given_up_before_the_next_night(file: str) -> None:
    watched = yaml.safe_load((DEPLOY / file).read_text())["run_monitoring"]
    assert watched["enabled"] is True
    assert 0 < watched["max_runtime_seconds"] <= 23 * 3600


def test_code_locations_are_where_the_workspace_says() -> None:
    for entry in yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]:
        place = entry["grpc_server"]
        command = _services()[place["host"]]["command"]
        assert command[command.index("-p") + 1] == str(place["port"])
        assert command[command.index("-m") + 1] == place["location_name"]


def _upstreams() -> set[str]:
    caddy = set(re.findall(r"reverse_proxy ([\w-]+:\d+)", (DEPLOY / "Caddyfile").read_text()))
    jobs = yaml.safe_load((DEPLOY / "prometheus" / "compose.yaml").read_text())["scrape_configs"]
    return caddy | {target for job in jobs for group in job["static_configs"] for target in group["targets"]}


def test_who_is_asked_listens_there() -> None:
    data = (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    asked = _upstreams() | set(re.findall(r"http://(\w+:\d+)", data)) | {"qdrant:6333", "postgres:5432"}
    listening = {"qdrant": "6333", "postgres": "5432", "prometheus": "9090"}  # what their images do by themselves
    for called, service in _services().items():
        if (service.get("command") or [""])[0] in ("simsong", "dagster-webserver"):
            words = service["command"]
            listening[called] = next((words[words.index(o) + 1] for o in ("-p", "--port") if o in words), "")
    assert {f"{called}:{port}" for called, port in listening.items()} >= asked
    for place in asked:
        assert place.partition(":")[0] in _services()


def test_who_speaks_to_whom_shares_a_network() -> None:
    speak = [("proxy", "service"), ("proxy", "webserver"), ("prometheus", "service"), ("prometheus", "qdrant"),
             ("grafana", "prometheus"), ("service", "qdrant"), ("code", "qdrant"), ("code", "postgres"),
             ("daemon", "code"), ("daemon", "code-2"), ("webserver", "code"), ("worker", "qdrant")]  # fmt: skip
    for one, other in speak:
        assert set(_services()[one]["networks"]) & set(_services()[other]["networks"]), (one, other)


def test_dagster_has_a_login_before_it_and_both_names_have_tls() -> None:
    text = (DEPLOY / "Caddyfile").read_text()
    sites = dict(re.findall(r"^\{\$(\w+)\} \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE))
    assert set(sites) == {"SIMSONG_DOMAIN", "DAGSTER_DOMAIN"}  # a name without http:// has TLS
    assert "basic_auth" in sites["DAGSTER_DOMAIN"]
    assert sites["DAGSTER_DOMAIN"].index("basic_auth") < sites["DAGSTER_DOMAIN"].index("reverse_proxy")
    assert set(re.findall(r"\{\$(\w+)\}", text)) == set(_services()["proxy"]["environment"])


def test_files_that_are_mounted_are_there() -> None:
    for called, service in _services().items():
        for mount in service.get("volumes", []):
            if mount["type"] == "bind" and mount["source"].startswith(str(DEPLOY)):
                assert Path(mount["source"]).exists(), called


def test_keys_that_prometheus_reads_are_those_that_its_command_writes() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus" / "compose.yaml").read_text())["scrape_configs"]
    (script,) = _services()["prometheus"]["command"]
    rules = yaml.safe_load((DEPLOY / "prometheus" / "compose.yaml").read_text())["rule_files"]
    assert all((DEPLOY / "prometheus" / rule).is_file() for rule in rules)
    assert {job["authorization"]["credentials_file"] for job in jobs} == set(re.findall(r"> (/tmp/\S+)", script))
