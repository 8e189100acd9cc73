"""Values for Dagster's and Qdrant's own charts. The charts are not here: what Dagster itself makes of a run is."""

from typing import Any

import kubernetes_validate
import pytest
from deployment import environment_of, values
from test_deploy_kubernetes import VERSIONS, assert_restricted

_CAMEL = {
    "containerConfig": "container_config",
    "podSpecConfig": "pod_spec_config",
    "podTemplateSpecMetadata": "pod_template_spec_metadata",
    "jobSpecConfig": "job_spec_config",
    "jobMetadata": "job_metadata",
}


def _launcher() -> dict[str, Any]:
    config: dict[str, Any] = values("dagster")["runLauncher"]["config"]["k8sRunLauncher"]
    return config


def _run(deployment: dict[str, Any]) -> dict[str, Any]:
    """The Kubernetes job of a run of a code location, as Dagster's launcher makes it of what the chart tells it."""
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import DagsterK8sJobConfig, UserDefinedDagsterK8sConfig, construct_dagster_k8s_job
    from kubernetes.client import ApiClient

    wanted = UserDefinedDagsterK8sConfig.from_dict(
        {_CAMEL[key]: value for key, value in _launcher()["runK8sConfig"].items()}
    )
    told = {"image_pull_policy": deployment["image"]["pullPolicy"], "volumes": deployment["volumes"],
            "volume_mounts": deployment["volumeMounts"], "labels": deployment["labels"], "env": deployment["env"],
            "env_secrets": [secret["name"] for secret in deployment["envSecrets"]],
            "resources": deployment.get("resources", {}), "service_account_name": "dagster"}  # fmt: skip
    context = K8sContainerContext(run_k8s_config=wanted).merge(K8sContainerContext.create_from_config({"k8s": told}))
    image = "{repository}:{tag}".format(**deployment["image"])
    config = DagsterK8sJobConfig(
        image, values("dagster")["global"]["dagsterHome"], instance_config_map="dagster-instance"
    )
    made = construct_dagster_k8s_job(
        config, ["dagster"], "run", component="run_worker", user_defined_k8s_config=context.run_k8s_config
    )
    job: dict[str, Any] = ApiClient().sanitize_for_serialization(made)
    return job


@pytest.fixture(scope="module")
def runs() -> list[dict[str, Any]]:
    return [_run(deployment) for deployment in values("dagster")["dagster-user-deployments"]["deployments"]]


def test_a_run_is_a_valid_job_with_the_home_and_without_rights(runs: list[dict[str, Any]]) -> None:
    for job in runs:
        kubernetes_validate.validate(job, VERSIONS[-1], strict=True)
        pod = job["spec"]["template"]["spec"]
        assert_restricted("a run", pod)
        mounted = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        assert {environment_of("dagster")["SIMSONG_HOME"], "/music", "/tmp"} <= mounted
        assert {"QDRANT_URL", "QDRANT_API_KEY"} <= {entry["name"] for entry in pod["containers"][0]["env"]}


def test_a_run_has_more_memory_than_a_code_location(runs: list[dict[str, Any]]) -> None:
    for job in runs:
        resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
        assert resources == _launcher()["runK8sConfig"]["containerConfig"]["resources"]


def test_a_run_is_found_by_the_budget_and_the_policies(runs: list[dict[str, Any]]) -> None:
    for job in runs:
        labels = job["spec"]["template"]["metadata"]["labels"]
        wanted = {
            "app.kubernetes.io/name": "dagster",
            "app.kubernetes.io/component": "run_worker",
            "simsong/role": "dagster",
        }
        assert wanted.items() <= labels.items()


def test_dagster_runs_there_as_it_does_on_one_machine() -> None:
    chart = values("dagster")
    assert chart["dagsterWebserver"]["enableReadOnly"] is True
    assert chart["runLauncher"]["type"] == "K8sRunLauncher"
    assert chart["concurrency"]["runs"]["maxConcurrentRuns"] == 1
    assert chart["global"]["dagsterHome"] == environment_of("dagster")["DAGSTER_HOME"]
    for pod in (chart["dagsterWebserver"], chart["dagsterDaemon"], *chart["dagster-user-deployments"]["deployments"]):
        written = {
            **pod,
            "containers": [{"securityContext": pod["securityContext"]}],
            "securityContext": pod["podSecurityContext"],
        }
        assert_restricted(pod.get("name", "dagster"), written)


def test_the_index_is_a_cluster_that_survives_a_node() -> None:
    chart = values("qdrant")
    assert chart["config"]["cluster"]["enabled"] is True
    assert chart["replicaCount"] >= 3  # a majority is left without one
    assert chart["podDisruptionBudget"] == {"enabled": True, "maxUnavailable": 1}
    assert chart["snapshotPersistence"]["enabled"] is True
    assert "valueFrom" in chart["apiKey"]
    own = {"securityContext": chart["containerSecurityContext"]}
    pod = {
        "containers": [own],
        "securityContext": {**chart["podSecurityContext"], "runAsNonRoot": True, "runAsUser": 1000},
    }
    assert_restricted("qdrant", pod)
