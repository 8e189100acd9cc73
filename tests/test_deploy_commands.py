"""Whatever images, compose and manifests name is there: commands, variables, paths, ports, extras, versions."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from command_line import taken
from deployment import (
    DEPLOY,
    KUSTOMIZATIONS,
    ROLES,
    ROOT,
    command_in,
    composed,
    environment_of,
    example_settings,
    inherited,
    pod_templates,
    project,
    rendered,
    stages,
    values,
)

OURS = ("simsong", "dagster", "dagster-daemon", "dagster-webserver", "python")
# Read by libraries and by the containers' own programs.
THEIRS = {
    "DAGSTER_HOME", "HOME", "MPLCONFIGDIR", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_VISIBLE_DEVICES", "OMP_WAIT_POLICY",
    "PATH", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_CACHE_DIR", "PIP_ROOT_USER_ACTION", "PYTHONUNBUFFERED",
    "RAY_USAGE_STATS_ENABLED", "TINI_KILL_PROCESS_GROUP",
}  # fmt: skip


def _image_commands() -> Iterator[tuple[str, list[str]]]:
    for role in ROLES:
        yield f"image {role}", command_in(role, "CMD")
        yield f"health of image {role}", command_in(role, "HEALTHCHECK")


def _compose_commands() -> Iterator[tuple[str, list[str]]]:
    for name, service in composed()["services"].items():
        yield f"compose {name}", service.get("command") or []
        yield f"health of compose {name}", service.get("healthcheck", {}).get("test", [""])[1:]


def _manifest_commands() -> Iterator[tuple[str, list[str]]]:
    for called, template in pod_templates():
        for container in template["spec"]["containers"]:
            yield called, container.get("command", []) + container.get("args", [])
    (job,) = rendered("jobs/ray")
    yield "RayJob", job["spec"]["entrypoint"].split()
    for deployment in values("dagster")["dagster-user-deployments"]["deployments"]:
        yield (
            f"chart {deployment['name']}",
            ["dagster", "code-server", "start", "-p", "4000", *deployment["codeServerArgs"]],
        )


@pytest.mark.parametrize("source", [_image_commands, _compose_commands, _manifest_commands])
def test_each_command_is_one_that_its_program_takes(source: object, tmp_path: Path) -> None:
    here = {"/music": str(tmp_path), "/opt/dagster/workspace.yaml": str(DEPLOY / "workspace.yaml")}
    seen = 0
    for _, command in source():  # type: ignore[operator]
        if command and command[0] in OURS:
            words = [here.get(word, word) for word in command]
            taken(words)
            seen += 1
    assert seen >= 5


def test_a_command_that_is_not_there_is_noticed() -> None:
    for command in (
        ["simsong", "serv"],
        ["simsong", "serve", "--prot", "1"],
        ["dagster", "api", "grpc-health", "-p", "1"],
    ):
        with pytest.raises(Exception, match=r"(?i)no such|there is no command"):
            taken(command)


def test_health_is_asked_where_the_program_listens() -> None:
    checks = {f"image {role}": (command_in(role, "HEALTHCHECK"), command_in(role, "CMD")) for role in ROLES}
    checks |= {
        name: (service["healthcheck"]["test"][1:], service["command"])
        for name, service in composed()["services"].items()
        if (service.get("command") or [""])[0] in OURS and "healthcheck" in service
    }
    asked = 0
    for called, (check, command) in checks.items():
        ports = {urlsplit(url).port for url in re.findall(r"http://[^']+", " ".join(check))}
        ports |= {int(check[-1])} if "dagster_project.health" in check else set()
        assert all(str(port) in command for port in ports), called
        asked += len(ports)
    assert asked >= 6


def test_probes_ask_what_the_image_asks() -> None:
    (asked,) = re.findall(r"http://127.0.0.1:8080([^']+)", " ".join(command_in("service", "HEALTHCHECK")))
    for called, template in pod_templates(("base",)):
        for container in template["spec"]["containers"]:
            probes = [probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")]
            assert probes == [{"path": asked, "port": "http"}] * 3, called


def test_each_variable_is_read_somewhere() -> None:
    code = "".join(
        path.read_text() for folder in ("simsong_pipeline", "dagster_project") for path in (ROOT / folder).rglob("*.py")
    )
    code += (DEPLOY / "dagster.yaml").read_text().replace("env: DAGSTER_PG_URL", '"DAGSTER_PG_URL"')
    named = {name for role in ROLES for name in environment_of(role)}
    named |= {name for s in composed()["services"].values() if "build" in s for name in s.get("environment", {})}
    named |= {
        e["name"]
        for _, t in pod_templates()
        for c in t["spec"]["containers"]
        if c["image"].startswith("simsong-")
        for e in c.get("env", [])
    }
    named |= {e["name"] for d in values("dagster")["dagster-user-deployments"]["deployments"] for e in d["env"]}
    assert {"QDRANT_URL", "SIMSONG_HOME", "SIMSONG_API_KEY"} <= named
    assert sorted(name for name in named - THEIRS if f'"{name}"' not in code) == []


def test_settings_of_the_example_are_those_that_compose_asks_for() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    assert asked - {"SIMSONG_VERSION"} == set(example_settings())


def test_the_version_is_the_projects() -> None:
    version = project()["project"]["version"]
    assert set(re.findall(r"SIMSONG_VERSION:-([\w.]+)", (DEPLOY / "compose.yaml").read_text())) == {version}
    (services,) = yaml.safe_load((DEPLOY / "kubernetes" / "example" / "kustomization.yaml").read_text())["images"][:1]
    assert services["newTag"] == version
    assert values("dagster")["dagsterWebserver"]["image"]["tag"] == version


def test_extras_and_images_are_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    extras = {extra for named in re.findall(r"\.whl\)\[([\w,]+)\]", text) for extra in named.split(",")}
    assert extras <= set(project()["project"]["optional-dependencies"])
    built = {
        s["image"].partition(":")[0]: s["build"]["target"] for s in composed()["services"].values() if "build" in s
    }
    assert {f"simsong-{role}": role for role in ROLES} == built
    ours = {
        c["image"].partition(":")[0]
        for k in KUSTOMIZATIONS
        for _, t in pod_templates((k,))
        for c in t["spec"]["containers"]
    }
    known = {*built, *(f"registry.example.org/{name}" for name in built), "postgres"}
    assert ours <= known
    assert values("dagster")["dagsterWebserver"]["image"]["repository"] in known


def test_what_the_worker_and_the_service_install_knows_nothing_of_training() -> None:
    extras = project()["project"]["optional-dependencies"]
    for role in ("worker", "service"):
        installs = [rest for kind, rest in stages()[f"{role}-installed"] if kind == "RUN"]
        named = {
            extra for text in installs for group in re.findall(r"\[([\w,]+)\]", text) for extra in group.split(",")
        }
        brought = {re.split(r"[^\w-]", requirement)[0] for extra in named for requirement in extras[extra]}
        assert brought & {"torch", "transformers", "onnxscript", "dagster", "ray"} == set()


def test_each_image_runs_as_nobody_in_particular() -> None:
    for role in ROLES:
        assert [rest for kind, rest in inherited(role) if kind == "USER"][-1] == "10001:10001"
