"""The question of a code location's health, put to gRPC's own server of health."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from deployment import ROOT
from grpc_health.v1.health import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from dagster_project.health import code_answers

_LOADED, _NOT_YET = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


@contextmanager
def _location(status: int) -> Iterator[int]:
    """A port where Dagster's service has a status."""
    server, servicer = grpc.server(ThreadPoolExecutor(1)), HealthServicer()
    servicer.set("DagsterApi", status)
    add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize(("status", "healthy"), [(_LOADED, True), (_NOT_YET, False)])
def test_a_location_is_healthy_once_it_has_loaded(status: int, healthy: bool) -> None:
    with _location(status) as port:
        assert code_answers(port) is healthy


def _asked(port: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dagster_project.health", str(port)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_question_of_the_container_fails_where_nobody_listens() -> None:
    with _location(_LOADED) as port:
        assert _asked(port).returncode == 0
    done = _asked(port)
    assert (done.returncode, done.stderr) == (1, f"no code location answers on port {port}\n")


def test_the_question_does_without_dagster() -> None:
    told = "import sys, dagster_project.health; print('dagster' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
