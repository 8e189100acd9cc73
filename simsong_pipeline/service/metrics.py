"""What a service counts of itself: requests, and the index's own time. How it is asked for is no matter here.

Labels are few, whoever asks: a route is its template, never a path, and what has none is `none`.
"""

import time
from collections.abc import Callable
from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from starlette.types import Scope

from simsong_pipeline.stores.opening import ReadStore

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# An answer that never began: the client left, or was too slow.
CLOSED = "closed"


class ServiceMetrics:
    """Counters of one service, in a registry of their own.

    Attributes:
        registry: what a scrape reads.
        in_flight: requests that are being answered; the loop's alone.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # when a counter was made, which nobody asks
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        asked = ("simsong_http_requests", "Requests by route template and status; closed: no answer began")
        self._requests = Counter(*asked, ["method", "route", "status"], registry=self.registry)
        taken = ("simsong_http_request_seconds", "Seconds until an answer begins, by route template")
        self._seconds = Histogram(*taken, ["route"], buckets=_SECONDS, registry=self.registry)
        self.in_flight = 0
        now = Gauge("simsong_http_requests_in_flight", "Requests being answered", registry=self.registry)
        now.set_function(lambda: self.in_flight)
        own = ("simsong_index_seconds", "The index's own seconds for a question, by what it was asked")
        self._index = Histogram(*own, ["operation"], buckets=_SECONDS, registry=self.registry)
        # To find a child by its labels takes as long as to count.
        self._counters: dict[tuple[str, str, str], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def answered(self, scope: Scope, status: str, seconds: float) -> None:
        """Count a request whose answer has begun, or never did."""
        route = route_of(scope)
        key = (scope["method"] if scope["method"] in _METHODS else "other", route, status)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._requests.labels(*key)
        counter.inc()
        timer = self._timers.get(route)
        if timer is None:
            timer = self._timers[route] = self._seconds.labels(route)
        timer.observe(seconds)

    def timed(self, store: ReadStore) -> ReadStore:
        """The index, with the time of its questions counted."""
        return cast(ReadStore, _Timed(store, self._index))


def route_of(scope: Scope) -> str:
    """The template of the route that answers a request; `none` where it was refused before one was chosen."""
    route = scope.get("route")
    return "none" if route is None else getattr(route, "path", "") or "/"


class _Timed:
    """A store whose questions are timed; everything else is the store's."""

    def __init__(self, store: ReadStore, seconds: Histogram) -> None:
        self._store = store
        self.query = _timed(store.query, seconds.labels("query"))
        self.fetch = _timed(store.fetch, seconds.labels("fetch"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _timed(ask: Callable[..., Any], seconds: Histogram) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return ask(*arguments, **named)
        finally:
            seconds.observe(time.perf_counter() - began)

    return timed
