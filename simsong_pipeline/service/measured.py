"""Counts every request, whatever becomes of it: the outermost application."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simsong_pipeline.service.metrics import CLOSED, ServiceMetrics


class Measured:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, has_begun = time.perf_counter(), False

        async def seen(message: Message) -> None:
            nonlocal has_begun
            if not has_begun and message["type"] == "http.response.start":
                has_begun = True
                self._metrics.answered(scope, str(message["status"]), time.perf_counter() - began)
            await send(message)

        self._metrics.in_flight += 1
        try:
            await self._app(scope, receive, seen)
        finally:
            self._metrics.in_flight -= 1
            if not has_begun:
                self._metrics.answered(scope, CLOSED, time.perf_counter() - began)
