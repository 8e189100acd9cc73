"""What stands before every route: who asks, from where, how much, and how long it may take.

A page of another site may make a browser ask this machine (forged requests, names that are bound to this address): what
comes from elsewhere is refused unless it shows the key itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.remote.address import is_loopback
from simsong_pipeline.service.keys import COOKIE, Keys
from simsong_pipeline.service.problems import ProblemError, problem_of
from simsong_pipeline.service.settings import ServiceSettings

_log = logging.getLogger(__name__)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# Answers in its own form, and asks for the key in its own way.
_OWN_KEYS = "/rest"
_PUBLIC = frozenset({"/api/v1/health", "/api/v1/session"})
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        b"form-action 'self'; frame-ancestors 'none'",
    ),
)


class Guards:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings, keys: Keys) -> None:
        self._app, self._settings, self._keys = app, settings, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = _Sent(send, self._settings.send_timeout_s)
        scope["app"] = self._app  # lets the router raise where it would answer in plain text
        try:
            self._refuse(scope)
            await self._app(scope, _bounded(receive, self._settings), sent)
        except SlowClientError:
            return  # the server closes what was left open
        except ProblemError as problem:
            await _tell(problem, scope, receive, sent)
        except HTTPException as error:
            told = ProblemError(error.status_code, error.detail.lower().replace(" ", "-"), error.detail)
            await _tell(told, scope, receive, sent)
        except SimSongError as error:
            await _tell(problem_of(error), scope, receive, sent)
        except Exception as error:
            _log.exception("a request to %s failed", scope["path"])
            if sent.has_begun:
                raise
            await _tell(
                ProblemError(500, "mistake", f"a mistake in the program ({type(error).__name__})"), scope, receive, sent
            )

    def _refuse(self, scope: Scope) -> None:
        headers = _first_of_each(scope)
        if len(scope["query_string"]) > self._settings.max_query_bytes:
            raise ProblemError(414, "too-long", f"a query of more than {self._settings.max_query_bytes} bytes")
        # With a key a proxy may stand before it, and names do not matter.
        if not self._keys.is_needed and not is_own_name(headers.get("host", "")):
            raise ProblemError(
                421, "other-host", "this service answers to localhost alone; SIMSONG_API_KEY and --host open it"
            )
        path, has_key = scope["path"], self._keys.fits_headers(headers)
        own_keys = path == _OWN_KEYS or path.startswith(f"{_OWN_KEYS}/")
        if not has_key and not (own_keys and self._keys.is_needed):
            _refuse_foreign(scope["method"], path, headers)
        if self._keys.is_needed and not (has_key or own_keys or is_public(path) or self._has_session(headers)):
            raise ProblemError(401, "no-key", "give the key of this service: Authorization: Bearer, or X-API-Key")

    def _has_session(self, headers: Mapping[str, str]) -> bool:
        return self._keys.has_session(cookie_parser(headers.get("cookie", "")).get(COOKIE))


def is_public(path: str) -> bool:
    """Whether a path is the page's own, or says nothing of the home."""
    if path in _PUBLIC:
        return True
    return not path.startswith(("/api", "/rest", "/docs", "/openapi", "/metrics"))


def _first_of_each(scope: Scope) -> dict[str, str]:
    """Headers by name, which servers give in lower case; of one that comes twice the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


@lru_cache(maxsize=64)
def is_own_name(host: str) -> bool:
    """Whether a Host header names this machine and no other, whatever its port."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)


def _refuse_foreign(method: str, path: str, headers: Mapping[str, str]) -> None:
    """Raise `ProblemError` for what another site's page asks for; a link to the page itself may lie anywhere."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_visit = method in _READING and headers.get("sec-fetch-mode") == "navigate" and is_public(path)
    if site is not None:  # which no page can set; behind a proxy Host may be another than the page's
        foreign = site in ("cross-site", "same-site")
    else:
        foreign = origin is not None and origin.partition("://")[2] != headers.get("host", "")
    if foreign and not is_visit:
        raise ProblemError(403, "other-site", "a page of another site asks: it has to show the key of this service")


class SlowClientError(Exception):
    """A client took too long to send its question, or to take its answer."""


class _Sent:
    """Sends with headers of every answer, and gives up on a client that takes nothing any more.

    The head of an answer goes out with the first piece of its body: one look at the clock for both.
    """

    def __init__(self, send: Send, timeout_s: float) -> None:
        self._send, self._timeout_s = send, timeout_s
        self._head: Message | None = None
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = _with_headers(message)
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                if not self.has_begun and self._head is not None:
                    self.has_begun = True
                    await self._send(self._head)
                await self._send(message)
        except TimeoutError as error:
            raise SlowClientError from error


def _with_headers(head: Message) -> Message:
    """The head of an answer with what it lacks of `_HEADERS`."""
    given = list(head.get("headers", ()))
    names = {name for name, _ in given}
    return {**head, "headers": given + [header for header in _HEADERS if header[0] not in names]}


def _bounded(receive: Receive, settings: ServiceSettings) -> Callable[[], Awaitable[Message]]:
    """`receive` that refuses a body that is too large or comes too slowly."""
    seen, is_whole = 0, False

    async def bounded() -> Message:
        nonlocal seen, is_whole
        if is_whole:  # what is waited for now is that the client leaves
            return await receive()
        try:
            async with asyncio.timeout(settings.body_timeout_s):
                message = await receive()
        except TimeoutError as error:
            raise ProblemError(
                408, "too-slow", f"the question did not come within {settings.body_timeout_s:g} s"
            ) from error
        seen += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if seen > settings.max_body_bytes:
            raise ProblemError(413, "too-large", f"a question of more than {settings.max_body_bytes} bytes")
        return message

    return bounded


async def _tell(problem: ProblemError, scope: Scope, receive: Receive, sent: _Sent) -> None:
    if not sent.has_begun:
        await problem.response()(scope, receive, sent)
