"""A Qdrant server that is asked over gRPC, busy at first: a real server on this machine, by Qdrant's own protocol."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from qdrant_client.grpc import collections_pb2, collections_service_pb2_grpc

from simsong_pipeline import retrying
from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import StoreError
from simsong_pipeline.stores import trying_again
from simsong_pipeline.stores.qdrant_store import QdrantStore

Code = grpc.StatusCode


class Busy(collections_service_pb2_grpc.CollectionsServicer):
    """Answers `List` after it has failed with each code in turn; null is an answer."""

    def __init__(self, *codes: grpc.StatusCode | None) -> None:
        self.codes, self.asked, self.silent_s = list(codes), 0, 0.0

    def List(  # noqa: N802 (Qdrant's name)
        self, request: collections_pb2.ListCollectionsRequest, context: grpc.ServicerContext
    ) -> collections_pb2.ListCollectionsResponse:
        """The names of the collections."""
        self.asked += 1
        time.sleep(self.silent_s)
        code = self.codes.pop(0) if self.codes else None
        if code is not None:
            context.abort(code, "for the test")
        return collections_pb2.ListCollectionsResponse(collections=[collections_pb2.CollectionDescription(name="a")])


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Busy, QdrantStore]]:
    """The server at the port that the client takes for gRPC, of an address of this machine that nobody else has."""
    monkeypatch.setattr(retrying, "_FIRST_S", 0.01)
    monkeypatch.setattr(trying_again, "_answered", set())
    host, busy = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.{random.randint(2, 254)}", Busy()
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(busy, server)  # type: ignore[no-untyped-call]
    try:
        server.add_insecure_port(f"{host}:6334")
    except RuntimeError:
        pytest.skip("this system has one address of its own alone")
    server.start()
    with QdrantStore(StoreConfig(url=f"http://{host}:6333", grpc=True, retry_s=20, timeout_s=2), tmp_path) as store:
        yield busy, store
    server.stop(1).wait()


@pytest.mark.parametrize("code", [Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED])
def test_busy_server_is_asked_again(code: grpc.StatusCode, served: tuple[Busy, QdrantStore]) -> None:
    busy, store = served
    busy.codes = [code, code]
    assert store.collections() == ["a"]
    assert busy.asked == 3


def test_server_that_answered_before_and_is_away_is_asked_again(served: tuple[Busy, QdrantStore]) -> None:
    busy, store = served
    busy.codes = [None, Code.UNAVAILABLE, Code.UNAVAILABLE]
    assert store.collections() == ["a"]
    assert store.collections() == ["a"]
    assert busy.asked == 4


def test_server_that_never_answered_is_asked_once(served: tuple[Busy, QdrantStore]) -> None:
    busy, store = served
    busy.codes = [Code.UNAVAILABLE] * 5
    with pytest.raises(StoreError, match="over gRPC"):
        store.collections()
    assert busy.asked == 1


@pytest.mark.parametrize("code", [Code.INVALID_ARGUMENT, Code.UNAUTHENTICATED, Code.NOT_FOUND, Code.INTERNAL])
def test_what_cannot_go_well_is_asked_once(code: grpc.StatusCode, served: tuple[Busy, QdrantStore]) -> None:
    busy, store = served
    busy.codes = [code] * 5
    with pytest.raises(StoreError, match=r"over gRPC \(for the test\)"):
        store.collections()
    assert busy.asked == 1


def test_answer_that_takes_too_long_is_asked_for_again(served: tuple[Busy, QdrantStore]) -> None:
    busy, store = served
    busy.silent_s = 2.5
    config = StoreConfig(url=store.address, grpc=True, retry_s=3, timeout_s=1)
    with QdrantStore(config, Path()) as hasty, pytest.raises(StoreError, match="over gRPC"):
        hasty.collections()
    assert busy.asked > 1
