"""The manifests: valid by Kubernetes' schemas once kubectl has rendered them, restricted, and of one mind."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
from deployment import (
    DEPLOY,
    KUBERNETES,
    KUSTOMIZATIONS,
    Document,
    environment_of,
    pod_templates,
    rendered,
    values,
)
from documents import commands_of
from published_fields import PUBLISHED

from deploy.release.requirements import pins
from simsong_pipeline.buckets import Buckets
from simsong_pipeline.cli.embed_command import share_of

# The oldest that has what the jobs ask for, and the newest that the package has.
VERSIONS = ("1.33", "1.37")
Pod = dict[str, Any]


def _validate(manifest: Document, version: str = VERSIONS[0]) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid(kustomization: str, version: str) -> None:
    for manifest in rendered(kustomization):
        if manifest["kind"] not in PUBLISHED:
            _validate(manifest, version)


def test_mistakes_in_a_manifest_are_noticed() -> None:
    deployment = next(m for m in rendered("base") if m["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    for change in ({"imagePullPolice": "Always"}, {"ports": [{"containerPort": "http"}]}):
        wrong = copy.deepcopy(deployment)
        wrong["spec"]["template"]["spec"]["containers"] = [{**container, **change}]
        with pytest.raises(kubernetes_validate.ValidationError):
            _validate(wrong)


def _fields(node: object, path: str = "") -> Iterator[tuple[str, set[str]]]:
    for part in node if isinstance(node, list) else [node]:
        if isinstance(part, dict):
            yield path, set(part)
            for key, value in part.items():
                yield from _fields(value, f"{path}.{key}".strip("."))


def test_operators_know_the_fields_of_their_resources() -> None:
    seen = set()
    for kustomization in KUSTOMIZATIONS:
        for manifest in rendered(kustomization):
            for path, fields in _fields(manifest.get("spec", {})):
                if path in PUBLISHED.get(manifest["kind"], {}):
                    assert fields <= PUBLISHED[manifest["kind"]][path], (manifest["kind"], path)
                    seen.add((manifest["kind"], path))
    assert seen == {(kind, path) for kind, paths in PUBLISHED.items() for path in paths}


def test_pods_within_them_are_valid() -> None:
    for called, template in pod_templates(("jobs/ray",)):
        whole = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "within"}, "template": template}
        assert called.startswith("RayJob")
        _validate(whole)


def _pods() -> list[tuple[str, Pod]]:
    return [(called, template["spec"]) for called, template in pod_templates()]


def assert_restricted(called: str, pod: Pod) -> None:
    """What Kubernetes' restricted profile asks for, and a read-only root file system."""
    assert pod["securityContext"]["runAsNonRoot"] is True, called
    assert pod["securityContext"]["runAsUser"] > 0, called
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, called
    assert not {"hostNetwork", "hostPID", "hostIPC"} & {name for name, value in pod.items() if value}, called
    for container in pod["containers"] + pod.get("initContainers", []):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False, called
        assert own["capabilities"] == {"drop": ["ALL"]}, called
        assert own["readOnlyRootFilesystem"] is True, called
    allowed = {"persistentVolumeClaim", "emptyDir", "configMap", "secret", "projected"}
    assert {kind for volume in pod.get("volumes", []) for kind in volume if kind != "name"} <= allowed, called


def test_every_pod_is_restricted() -> None:
    (namespace,) = [m for m in rendered("base") if m["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for called, pod in _pods():
        assert_restricted(called, pod)


def test_every_container_has_resources() -> None:
    for called, pod in _pods():
        for container in pod["containers"]:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), called
            assert "memory" in container["resources"]["limits"], called


def test_whatever_an_image_writes_to_is_a_volume() -> None:
    for called, pod in _pods():
        for container in pod["containers"]:
            if container["image"].startswith("simsong-") and container["name"] != "submitter":
                mounted = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
                written = environment_of("worker")
                assert {written["SIMSONG_HOME"], written["SIMSONG_MODELS"], "/tmp"} <= set(mounted), called
                assert mounted["/music"]["readOnly"] is True, called
            names = {volume["name"] for volume in pod.get("volumes", [])} | {"data"}
            assert {mount["name"] for mount in container["volumeMounts"]} <= names, called


def test_volumes_that_are_claimed_are_there() -> None:
    there = {m["metadata"]["name"] for m in rendered("base") if m["kind"] == "PersistentVolumeClaim"}
    claims = {
        volume["persistentVolumeClaim"]["claimName"]
        for _, pod in _pods()
        for volume in pod.get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    assert claims == there


def _secrets(node: object) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if "secretKeyRef" in node:
            yield node["secretKeyRef"]["name"], node["secretKeyRef"]["key"]
        if "credentials" in node:
            yield node["credentials"]["name"], node["credentials"]["key"]
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from _secrets(value)


def test_secrets_are_named_and_made_by_the_document() -> None:
    used = {pair for k in KUSTOMIZATIONS for manifest in rendered(k) for pair in _secrets(manifest)}
    used |= {pair for chart in ("dagster", "qdrant") for pair in _secrets(values(chart))}
    used |= {(values("dagster")["global"]["postgresqlSecretName"], "postgresql-password")}
    made = set()
    for words in commands_of(KUBERNETES / "README.md"):
        if "secret" in words:
            name = words[words.index("generic") + 1]
            made |= {(name, key) for key in re.findall(r"--from-literal=([\w-]+)=", " ".join(words))}
    assert used <= made
    assert [m for k in KUSTOMIZATIONS for m in rendered(k) if m["kind"] == "Secret"] == []


def _labels() -> list[dict[str, str]]:
    """Of every pod, those of the charts among them as far as the values say them."""
    charts = values("dagster")
    told = [deployment["labels"] for deployment in charts["dagster-user-deployments"]["deployments"]]
    told += [charts["dagsterWebserver"]["labels"], charts["dagsterDaemon"]["labels"], values("qdrant")["podLabels"]]
    return told + [template["metadata"]["labels"] for _, template in pod_templates()]


def _fits(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    among = all(labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", []))
    return among and selector.get("matchLabels", {}).items() <= labels.items()


def _policies() -> list[Document]:
    return [m["spec"] for m in rendered("example") if m["kind"] == "NetworkPolicy"]


def test_policies_speak_of_pods_that_are_there() -> None:
    for policy in _policies():
        rules = policy.get("ingress", []) + policy.get("egress", [])
        peers = [
            peer["podSelector"]
            for rule in rules
            for peer in rule.get("from", []) + rule.get("to", [])
            if "podSelector" in peer
        ]
        for selector in [policy["podSelector"], *peers]:
            assert any(_fits(selector, labels) for labels in _labels()), selector


def test_every_pod_lets_nothing_in_that_no_policy_names() -> None:
    (nothing,) = [p for p in _policies() if p["podSelector"] == {} and "Ingress" in p["policyTypes"]]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize(("role", "other", "port"), [
    ("api", "index", 6333), ("page", "index", 6333), ("job", "index", 6333), ("ray", "index", 6333),
    ("dagster", "index", 6333), ("index", "index", 6335), ("dagster", "database", 5432), ("dagster", "dagster", 4000),
    ("ray", "ray", 6379),
])  # fmt: skip
def test_who_works_together_may_speak(role: str, other: str, port: int) -> None:
    one, two = {"simsong/role": role}, {"simsong/role": other}
    assert _may(one, two, port, "egress", "to")
    assert _may(two, one, port, "ingress", "from")


@pytest.mark.parametrize(("role", "other", "port"), [
    ("api", "database", 5432), ("job", "api", 8080), ("index", "database", 5432), ("fetch", "index", 6333),
    ("api", "dagster", 4000), ("database", "index", 6333),
])  # fmt: skip
def test_who_does_not_may_not(role: str, other: str, port: int) -> None:
    one, two = {"simsong/role": role}, {"simsong/role": other}
    assert not (_may(one, two, port, "egress", "to") and _may(two, one, port, "ingress", "from"))


def _may(own: dict[str, str], other: dict[str, str], port: int, way: str, whom: str) -> bool:
    for policy in _policies():
        if not _fits(policy["podSelector"], own):
            continue
        for rule in policy.get(way, []):
            open_port = "ports" not in rule or port in [p["port"] for p in rule["ports"]]
            selectors = [peer["podSelector"] for peer in rule.get(whom, []) if "podSelector" in peer]
            if open_port and any(_fits(selector, other) for selector in selectors):
                return True
    return False


def test_budgets_speak_of_pods_that_are_there() -> None:
    run = {"app.kubernetes.io/name": "dagster", "app.kubernetes.io/component": "run_worker"}
    for budget in (m["spec"] for m in rendered("base") if m["kind"] == "PodDisruptionBudget"):
        assert any(_fits(budget["selector"], labels) for labels in [*_labels(), run])
        fitting = [m for m in rendered("base") if m["kind"] == "Deployment"
                   and _fits(budget["selector"], m["spec"]["template"]["metadata"]["labels"])]  # fmt: skip
        for deployment in fitting:  # a drain gets on
            assert deployment["spec"]["replicas"] > budget.get("minAvailable", 0)
            assert budget.get("maxUnavailable", 1) > 0


def test_services_lead_to_ports_of_pods() -> None:
    for kustomization in ("base", "example"):
        for service in (m["spec"] for m in rendered(kustomization) if m["kind"] == "Service"):
            pods = [
                t
                for _, t in pod_templates((kustomization,))
                if _fits({"matchLabels": service["selector"]}, t["metadata"]["labels"])
            ]
            assert pods
            named = {
                port["name"]: port["containerPort"]
                for t in pods
                for c in t["spec"]["containers"]
                for port in c["ports"]
            }
            assert [named[port["targetPort"]] for port in service["ports"]] == [
                port["port"] for port in service["ports"]
            ]


def test_what_is_scraped_is_a_port_of_the_services() -> None:
    (monitor,) = [m["spec"] for m in rendered("example") if m["kind"] == "ServiceMonitor"]
    services = [
        m
        for m in rendered("example")
        if m["kind"] == "Service" and _fits(monitor["selector"], m["metadata"].get("labels", {}))
    ]
    assert {m["metadata"]["name"] for m in services} == {"api", "page"}
    ports = {port["name"] for m in services for port in m["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= ports


def test_what_is_scraped_is_the_job_that_alerts_ask_for() -> None:
    """The operator names a job after a label of the Service where it is told to, and after the Service otherwise."""
    (monitor,) = [m["spec"] for m in rendered("example") if m["kind"] == "ServiceMonitor"]
    labels = [m["metadata"].get("labels", {}) for m in rendered("example") if m["kind"] == "Service"]
    jobs = {of[monitor["jobLabel"]] for of in labels if _fits(monitor["selector"], of)}
    alerts = (DEPLOY / "prometheus" / "alerts.yaml").read_text()
    assert jobs == set(re.findall(r'up\{job="([^"]+)"\}', alerts))


def test_addresses_are_those_of_services() -> None:
    names = {
        m["metadata"]["name"]: [p["port"] for p in m["spec"]["ports"]]
        for m in rendered("example")
        if m["kind"] == "Service"
    }
    names[values("qdrant")["fullnameOverride"]] = [6333]
    chart = values("dagster")
    asked = {(chart["postgresql"]["postgresqlHost"], 5432)}
    told = [e for _, pod in _pods() for c in pod["containers"] for e in c.get("env", [])]
    told += [e for d in chart["dagster-user-deployments"]["deployments"] for e in d["env"]]
    for entry in told:
        if found := re.fullmatch(r"http://([\w-]+):(\d+)", entry.get("value", "")):
            asked.add((found[1], int(found[2])))
    assert len(asked) == 2
    assert all(port in names.get(host, []) for host, port in asked)


def test_the_shares_of_the_indexed_job_are_all_buckets_once() -> None:
    (job,) = rendered("jobs/embed")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    parts = int(container["command"][container["command"].index("--parts") + 1])
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["completions"] == parts >= job["spec"]["parallelism"]
    (scan,) = [m for m in rendered("jobs/scan") if m["metadata"]["name"] == "scan"]
    words = scan["spec"]["template"]["spec"]["containers"][0]["command"]
    buckets = Buckets(int(words[words.index("--buckets") + 1]))
    shares = [share_of(str(index), parts, buckets) for index in range(parts)]
    assert sorted(bucket for share in shares for bucket in share) == list(buckets.numbers)


def test_ray_is_the_version_that_is_installed() -> None:
    (job,) = rendered("jobs/ray")
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pins()["ray"]
