"""One ASGI application with all faces, each a function from the service to its routes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from simsong_pipeline.service.audiomuse.routes import routes as audiomuse
from simsong_pipeline.service.guards import Guards
from simsong_pipeline.service.json_api.routes import routes as json_api
from simsong_pipeline.service.page_files import routes as page
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.subsonic.routes import routes as subsonic

# In the order in which they are asked; the page comes last, because it takes every path that is left.
FACES: Sequence[Callable[[Service], Sequence[BaseRoute]]] = (json_api, subsonic, audiomuse, page)


def app_of(service: Service) -> ASGIApp:
    """The application; whoever opened the service closes it."""
    routes = [route for face in FACES for route in face(service)]

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        yield
        await service.snapshots.settle()

    router = Router(routes, default=_nothing_there, lifespan=lifespan)
    return Guards(router, service.settings, service.keys)


async def _nothing_there(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ProblemError(404, "no-such-address", f"nothing is at {scope['path'][:200]}")
