"""A music server of Subsonic's kind: one question at a time, with its errors in words, and what may pass tried again.

Questions go by POST: tokens stay out of the server's logs, and lists of any length fit.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
from tenacity import RetryCallState

from simsong_pipeline.errors import RawDataError, SimSongError
from simsong_pipeline.linking.credentials import KEY, PASSWORD, USER, Credentials
from simsong_pipeline.providers.web.polite_client import retry_after
from simsong_pipeline.redaction import remember_address, without_credentials
from simsong_pipeline.remote.address import is_loopback
from simsong_pipeline.retrying import BROKEN, BUSY, retrying

Told = Callable[[str], None]
Record = dict[str, Any]
_CLIENT = "simsong"
_MOST_BYTES = 64 * 2**20
_LONGEST_ANSWER_S = 300.0
# Codes of the interface.
_MISSING, _WRONG, _NO_TOKENS, _NO_SUCH_WAY, _BAD_KEY, _FORBIDDEN, NOT_THERE = 10, 40, 41, 42, 44, 50, 70


class ServerError(SimSongError):
    """A music server does not answer, or refuses.

    Args:
        code: of the interface; null where the server said none.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class _BusyServerError(ServerError):
    """Another try may go well."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class SubsonicServer:
    """A server that lets its asker in. Use as a context manager.

    Args:
        address: of the server, with or without `/rest`.
        told: gets a line where a question is tried again.
        retry_s: seconds in which a question is tried again.
        timeout_s: for the server to begin an answer, and between its pieces.

    Raises:
        ServerError: nobody answers there, it is no such server, or it lets nobody in who asks so.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials,
        told: Told,
        retry_s: float = 30.0,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.address, self.user = address_of(address), credentials.user
        self._credentials, self._told, self._retry_s = credentials, told, retry_s
        self._client = httpx.Client(transport=transport, timeout=timeout_s, follow_redirects=False)
        self._shows_password = self._has_answered = False

    def __enter__(self) -> "SubsonicServer":
        try:
            self._let_in()
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def _let_in(self) -> None:
        """Find out whether tokens are taken; one that knows none is shown the password, where nobody else sees it.

        And, with a key, whose it is.
        """
        try:
            self.ask("ping")
        except ServerError as error:
            if self._credentials.key is not None or error.code not in (_MISSING, _NO_TOKENS, _NO_SUCH_WAY):
                raise
            if not _is_private(self.address):
                raise ServerError(
                    f"{self.address} takes no tokens, and http would show the password to the network: "
                    f"use https, or a key ({KEY})"
                ) from error
            self._shows_password = True
            self.ask("ping")
        if self._credentials.key is not None:
            self.user = self._user_of_key()

    def _user_of_key(self) -> str | None:
        """Null where the server does not say."""
        try:
            told = self.ask("tokenInfo").get("tokenInfo")
        except ServerError:
            return None
        name = told.get("username") if isinstance(told, dict) else None
        return name if isinstance(name, str) and name else None

    def ask(self, method: str, **parameters: str | int | Sequence[str]) -> Record:
        """The answer to one question, without its envelope; tried again where that may help.

        Raises:
            ServerError: it refuses, or there is no answer.
        """
        again = retrying(self._retry_s, self._may_go_well, _asked_for, self._tell)
        return self._answered(partial(again, self._ask_once, method, parameters))

    def ask_once(self, method: str, **parameters: str | int | Sequence[str]) -> Record:
        """As `ask`, for what must not be done twice, which a question that is tried again may be."""
        return self._answered(partial(self._ask_once, method, parameters))

    def _answered(self, asking: Callable[[], Record]) -> Record:
        try:
            return asking()
        except httpx.HTTPError as error:
            raise ServerError(
                f"no answer from {self.address} ({type(error).__name__}): is the server running?"
            ) from error

    def _may_go_well(self, error: BaseException) -> bool:
        passing = isinstance(error, (_BusyServerError, *BROKEN))
        return passing or (isinstance(error, httpx.ConnectError) and self._has_answered)

    def _tell(self, state: RetryCallState) -> None:
        if state.attempt_number == 1:
            self._told(f"{self.address} does not answer as it should: trying again for {self._retry_s:g} s at most")

    def _ask_once(self, method: str, parameters: dict[str, str | int | Sequence[str]]) -> Record:
        shared = {**self._credentials.parameters(self._shows_password), "c": _CLIENT, "f": "json"}
        url = f"{self.address}/rest/{method}.view"
        with self._client.stream("POST", url, data={**shared, **parameters}) as response:
            self._refuse_status(response)
            body = _bounded(response, self.address)
        self._has_answered = True
        return _answer(body, method, self.address)

    def _refuse_status(self, response: httpx.Response) -> None:
        status, where = response.status_code, response.headers.get("location", "")
        if status in BUSY:
            wait = retry_after(response.headers.get("retry-after"), datetime.now(UTC)) or 0.0
            raise _BusyServerError(f"{self.address} answers with status {status}", wait)
        if response.is_redirect:
            raise ServerError(f"{self.address} leads to {without_credentials(where)[:200]}: give that address")
        if status in (401, 403):
            raise ServerError(f"{self.address} lets nobody in (status {status}): {_who_asks()}")
        if status >= 400:
            raise ServerError(f"no Subsonic server answers at {self.address} (status {status})")


def address_of(given: str) -> str:
    """The address of a server, without `/rest` at its end.

    Raises:
        RawDataError: it is none, or holds a password.
    """
    try:
        parts = urlsplit(given.strip())
        has_port = parts.port is not None or parts.hostname is not None
    except ValueError:
        parts, has_port = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not has_port:
        raise RawDataError(f"{without_credentials(given)} is no address of a server: http://host:port or https://host")
    if "@" in parts.netloc or parts.query:
        remember_address(given)
        raise RawDataError(f"leave user and password out of the address: set {USER} and {PASSWORD}")
    path = parts.path.rstrip("/").removesuffix("/rest")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def rows_of(value: object) -> list[Record]:
    """The objects of a list; some servers leave the list out around a single one."""
    found = value if isinstance(value, list) else [value]
    return [row for row in found if isinstance(row, dict)]


def _is_private(address: str) -> bool:
    """Whether nobody sees what is sent there."""
    parts = urlsplit(address)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def _bounded(response: httpx.Response, address: str) -> bytes:
    parts, size, begun = [], 0, time.monotonic()
    for part in response.iter_bytes():
        size += len(part)
        if time.monotonic() - begun > _LONGEST_ANSWER_S:
            raise ServerError(f"an answer of {address} took longer than {_LONGEST_ANSWER_S:g} s")
        if size > _MOST_BYTES:
            raise ServerError(f"{address} answers with more than {_MOST_BYTES >> 20} MB")
        parts.append(part)
    return b"".join(parts)


def _answer(body: bytes, method: str, address: str) -> Record:
    """What is in the envelope; raises `ServerError` where it is none, or says that something failed."""
    try:
        answer = json.loads(body)["subsonic-response"]
        status, error = answer["status"], answer.get("error") or {}
        code = int(error.get("code", 0))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise ServerError(
            f"no Subsonic server answers at {address}: what it says to {method} is something else"
        ) from broken
    if status == "ok":
        found: Record = answer
        return found
    said = " ".join(str(error.get("message", "")).split())[:200]
    if code in (_WRONG, _BAD_KEY):
        raise ServerError(f"{address} knows no such user, password or key ({said}): {_who_asks()}", code)
    if code == _FORBIDDEN:
        raise ServerError(f"{address} does not let this user do that ({method}: {said})", code)
    raise ServerError(f"{address} refuses {method} ({code}: {said})", code)


def _who_asks() -> str:
    return f"look at {USER} and {PASSWORD}, or {KEY}"


def _asked_for(error: BaseException | None) -> float:
    return error.wait_s if isinstance(error, _BusyServerError) else 0.0
