"""Recordings and pictures. A recording is given out as it is: nothing is transcoded, whatever bit rate is wished.

Its length is exact, so `estimateContentLength` is always fulfilled, and it comes in ranges where they are asked for.
"""

from starlette.requests import Request
from starlette.responses import Response

from simsong_pipeline.service import listening
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.subsonic.call import Method
from simsong_pipeline.service.subsonic.parameters import Parameters


async def _stream(service: Service, request: Request, parameters: Parameters) -> Response:
    # By a form it is as by an address: ranges too, which are given to what is got alone.
    request.scope["method"] = "GET" if request.method == "POST" else request.method
    return await listening.stream(service, request, parameters.needed("id"))


async def _cover(service: Service, request: Request, parameters: Parameters) -> Response:
    return await listening.cover(service, request, parameters.needed("id"))


MEDIA = {
    "stream": Method(handler=_stream),
    "download": Method(handler=_stream),
    "getCoverArt": Method(handler=_cover),
}
