"""One ASGI application with all faces, each a function from the service to its routes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from simsong_pipeline.service.audiomuse.routes import routes as audiomuse
from simsong_pipeline.service.guards import Guards
from simsong_pipeline.service.json_api.routes import routes as json_api
from simsong_pipeline.service.measured import Measured
from simsong_pipeline.service.page_files import routes as page
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.scrape import OwnPort
from simsong_pipeline.service.scrape import routes as metrics
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.subsonic.routes import routes as subsonic

# In the order in which they are asked; the page comes last, because it takes every path that is left.
FACES: Sequence[Callable[[Service], Sequence[BaseRoute]]] = (json_api, subsonic, audiomuse, page)


def app_of(service: Service, metrics_port: int | None = None) -> ASGIApp:
    """The application; whoever opened the service closes it.

    Args:
        metrics_port: where `/metrics` is answered without a key, besides.
    """
    measuring = metrics(service)
    routes = [*measuring, *(route for face in FACES for route in face(service))]

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        yield
        await service.snapshots.settle()

    router = Router(routes, default=_nothing_there, lifespan=lifespan)
    app: ASGIApp = Measured(Guards(router, service.settings, service.keys), service.metrics)
    if metrics_port is not None:
        app = OwnPort(app, measuring[0], service.settings.metrics_host, metrics_port)
    return app


async def _nothing_there(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ProblemError(404, "no-such-address", f"nothing is at {scope['path'][:200]}")
