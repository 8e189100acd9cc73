"""yt-dlp's only way to the network: every request that it makes goes through the polite client.

So one place keeps the distance between requests, honours Retry-After, limits sizes and follows redirects to the
provider's own hosts alone, whatever yt-dlp does inside. Nothing here knows songs.
"""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import yt_dlp
from yt_dlp.networking import Request, RequestHandler, Response
from yt_dlp.networking.exceptions import HTTPError, TransportError

from simsong_pipeline.providers.web.polite_client import Answer, PoliteClient, ProviderStoppedError, Question, origin_of

SITE = "https://www.youtube.com"
# Where YouTube's pages and its recordings come from.
HOSTS = frozenset(
    {
        SITE,
        "https://youtube.com",
        "https://m.youtube.com",
        "https://music.youtube.com",
        "https://consent.youtube.com",
        "https://youtubei.googleapis.com",
        "https://*.googlevideo.com",
    }
)


class PoliteYoutubeDL(yt_dlp.YoutubeDL):  # type: ignore[misc]  # yt-dlp has no types
    """yt-dlp with one request handler, ours.

    Args:
        site: asked in place of YouTube's own address, for a server of one's own.

    Attributes:
        stopped: why the provider is left alone; yt-dlp itself hides what a handler raises.
    """

    def __init__(self, params: dict[str, Any], client: PoliteClient, site: str = SITE) -> None:
        self._client, self._site = client, site
        self.stopped: ProviderStoppedError | None = None
        super().__init__(params)

    def build_request_director(self, handlers: object, preferences: object = None) -> Any:
        """One handler, whatever others this machine has."""
        director = super().build_request_director([PoliteRH])
        director.handlers[PoliteRH.RH_KEY].ask = self._ask
        return director

    def _ask(self, question: Question) -> Answer:
        if self.stopped is not None:
            return Answer("blocked", None, b"", question.url, str(self.stopped))
        if origin_of(question.url) in HOSTS and self._site != SITE:
            path = question.url[len(origin_of(question.url)) :]
            question = Question(question.method, f"{self._site}{path}", question.headers, question.body)
        try:
            return self._client.ask(question)
        except ProviderStoppedError as error:
            self.stopped = error
            return Answer("blocked", None, b"", question.url, str(error))


class PoliteRH(RequestHandler):  # type: ignore[misc]  # yt-dlp has no types
    """Hands a request over and gives the whole answer back."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")
    _SUPPORTED_PROXY_SCHEMES = None
    ask: Callable[[Question], Answer]

    def _check_extensions(self, extensions: dict[str, Any]) -> None:
        super()._check_extensions(extensions)
        for name in ("cookiejar", "timeout", "legacy_ssl", "keep_header_casing"):
            extensions.pop(name, None)

    def _send(self, request: Request) -> Response:
        headers = {**self._get_headers(request)}
        cookies = self._get_cookiejar(request).get_cookie_header(request.url)
        if cookies:
            headers["Cookie"] = cookies
        answer = self.ask(Question(request.method, request.url, headers, _body(request)))
        if answer.status is None:
            raise TransportError(f"{urlsplit(answer.url).netloc}: {answer.reason}")
        given = {n: v for n, v in answer.headers.items() if n.lower() not in ("content-encoding", "transfer-encoding")}
        if "content-encoding" in answer.headers:
            given["content-length"] = str(len(answer.body))  # the body is unpacked
        response = Response(io.BytesIO(answer.body), answer.url, given, answer.status)
        if answer.outcome != "ok":
            raise HTTPError(response)
        return response


def _body(request: Request) -> bytes | None:
    """What is posted, in one piece."""
    data = request.data
    return data if data is None or isinstance(data, bytes) else b"".join(data)
