"""`/metrics`: the service's own figures, what it serves, and the home's nights, in one scrape."""

from collections.abc import Iterator, Sequence

import anyio.to_thread
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from simsong_pipeline.observing.night_metrics import NightCollector
from simsong_pipeline.remote.address import is_loopback
from simsong_pipeline.service.guards import is_own_name
from simsong_pipeline.service.service import Service
from simsong_pipeline.stages.published import published_at

PATH = "/metrics"


class ServedCollector(Collector):
    """What the present snapshot is of, and how it came about."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Read from the snapshot as it is now."""
        snapshots = self._service.snapshots
        present = snapshots.present
        yield InfoMetricFamily("simsong_index", "What is served", {"collection": present.collection})
        yield GaugeMetricFamily("simsong_index_songs", "Songs that are served", present.library.songs.height)
        published = published_at(self._service.workspace, present.collection)
        if published is not None:
            text = "When a night wrote or proved the index last"
            yield GaugeMetricFamily("simsong_index_published_timestamp_seconds", text, published)
        text = "When the service took the state that it serves"
        yield GaugeMetricFamily("simsong_snapshot_timestamp_seconds", text, present.taken_at)
        text = "1 while the newest state of the home cannot be taken"
        yield GaugeMetricFamily("simsong_snapshot_in_trouble", text, float(bool(snapshots.trouble)))
        text = "Questions that wait for a thread"
        yield GaugeMetricFamily("simsong_questions_waiting", text, self._service.asker.waiting)
        reloads = CounterMetricFamily("simsong_snapshot_reloads", "Tries to take a newer state", None, ["outcome"])
        for outcome, count in snapshots.renewals.items():
            reloads.add_metric([outcome], count)
        yield reloads


def routes(service: Service) -> Sequence[BaseRoute]:
    """One, beside the others' and guarded as they are."""
    registry = service.metrics.registry
    registry.register(ServedCollector(service))
    registry.register(NightCollector(service.workspace))

    async def scrape(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        said = await anyio.to_thread.run_sync(encode, registry)
        return Response(said, headers={"content-type": media_type, "cache-control": "no-store"})

    return [Route(PATH, scrape, methods=["GET"])]


class OwnPort:
    """An ASGI application around another one, which answers `/metrics` alone, and without a key, at a port of its own.

    Args:
        route: of `routes`.
        host: that the port is bound to; where only this machine reaches it, only its own names are answered.
    """

    def __init__(self, app: ASGIApp, route: BaseRoute, host: str, port: int) -> None:
        self._app, self._route, self._is_own, self._port = app, route, is_loopback(host), port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope.get("server") or ("", 0))[1] != self._port:
            await self._app(scope, receive, send)
            return
        named = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if self._is_own and not is_own_name(named):
            await PlainTextResponse("this port answers to localhost alone\n", 421)(scope, receive, send)
        elif scope["path"] != PATH:
            await PlainTextResponse(f"nothing but {PATH} is here\n", 404)(scope, receive, send)
        else:
            await self._route.handle(scope, receive, send)
