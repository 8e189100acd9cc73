"""Whether a code location answers: `python -m dagster_project.health 4000`, which exits with 1 where it does not.

`dagster api grpc-health-check` asks the same, and loads all of Dagster first: two seconds of a core for each question,
which a container's health puts twice a minute for as long as it lives.
"""

import argparse

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

_ASK_S = 2.0


def main() -> None:
    """Ask the port of this machine that the first argument names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    port = parser.parse_args().port
    if not code_answers(port):
        raise SystemExit(f"no code location answers on port {port}")


def code_answers(port: int) -> bool:
    """Whether a code location has loaded and answers on a port of this machine."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            told = HealthStub(channel).Check(HealthCheckRequest(service="DagsterApi"), timeout=_ASK_S)
        except grpc.RpcError:
            return False
        return bool(told.status == HealthCheckResponse.SERVING)


if __name__ == "__main__":
    main()
