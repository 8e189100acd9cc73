"""Recordings and pictures. A recording is given out as it is: nothing is transcoded, whatever bit rate is wished.

Its length is exact, so `estimateContentLength` is always fulfilled, and it comes in ranges where they are asked for.
"""

from http import HTTPStatus

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from simsong_pipeline.service import listening
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.subsonic.call import Method
from simsong_pipeline.service.subsonic.parameters import Parameters
from simsong_pipeline.service.subsonic.pictures import LARGEST, USUAL, drawn, fitted

SVG = "image/svg+xml"


async def _stream(service: Service, request: Request, parameters: Parameters) -> Response:
    # By a form it is as by an address: ranges too, which are given to what is got alone.
    request.scope["method"] = "GET" if request.method == "POST" else request.method
    return await listening.stream(service, request, parameters.needed("id"))


async def _cover(service: Service, request: Request, parameters: Parameters) -> Response:
    identity, size = parameters.needed("id"), parameters.number("size", 0, LARGEST)
    whole = await listening.cover(service, request, identity)
    if whole.status_code != HTTPStatus.OK:
        return whole
    if whole.media_type == SVG:
        async with service.asker.snapshot() as snapshot:
            _, drawn_from, name = listening.pictured(snapshot.library, identity)
        shown = "image/png", await anyio.to_thread.run_sync(drawn, drawn_from, name, size or USUAL)
    elif size and (small := await anyio.to_thread.run_sync(fitted, bytes(whole.body), size)) is not None:
        shown = small
    else:
        return whole
    kept = {name: whole.headers[name] for name in ("etag", "cache-control")}
    return Response(shown[1], media_type=shown[0], headers=kept)


MEDIA = {
    "stream": Method(handler=_stream),
    "download": Method(handler=_stream),
    "getCoverArt": Method(handler=_cover),
}
