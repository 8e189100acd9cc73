"""Asks a Qdrant server again, with growing pauses, where another try may go well; what cannot is told at once."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse
from tenacity import RetryCallState

from simsong_pipeline.retrying import BROKEN, BUSY, retrying

T = TypeVar("T")
_GRPC_BUSY = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})
# Servers that have answered this process: one that was there and is not comes back, as after a restart. An address
# where nobody ever answered is more likely wrong.
_answered: set[str] = set()


def ask(address: str, call: Callable[[], T], retry_s: float, told: Callable[[str], None]) -> T:
    """What `call` gives, tried again until `retry_s` seconds have passed since the first try.

    Args:
        told: gets one line when the first try failed.

    Raises:
        Exception: what the last try raised.
    """

    def again(state: RetryCallState) -> None:
        if state.attempt_number == 1 and state.outcome is not None:
            kind = _kind(state.outcome.exception())
            told(f"Qdrant at {address} does not answer as it should ({kind}): trying again for {retry_s:g} s at most")

    answer = retrying(retry_s, lambda error: may_go_well(error, address), _asked_for, again)(call)
    _answered.add(address)
    return answer


def may_go_well(error: BaseException, address: str) -> bool:
    """Whether the same question may be answered a little later."""
    if isinstance(error, ResourceExhaustedResponse) or _dated(error):
        return True
    if isinstance(error, UnexpectedResponse):
        return error.status_code in BUSY
    if isinstance(error, ResponseHandlingException):
        source = error.source
        return isinstance(source, BROKEN) or (isinstance(source, httpx.ConnectError) and address in _answered)
    code = _grpc_code(error)
    if code == "UNAVAILABLE":  # refused as well as reset
        return address in _answered
    return code in _GRPC_BUSY


def _asked_for(error: BaseException | None) -> float:
    """Seconds of a Retry-After, which may be a date; 0 where there is none."""
    if isinstance(error, ResourceExhaustedResponse):
        return float(error.retry_after_s)
    value = _dated(error)
    if isinstance(error, UnexpectedResponse) and error.headers:
        value = error.headers.get("retry-after") or ""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0.0
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _dated(error: BaseException | None) -> str:
    """The Retry-After of a 429 that is no number, at which the client raises an error of its own; empty elsewhere."""
    head, mark, value = str(error).partition("is not a valid integer: ")
    return value if mark and isinstance(error, QdrantException) and head.startswith("Retry-After") else ""


def _kind(error: BaseException | None) -> str:
    """What went wrong, without anything that a server said."""
    if isinstance(error, ResourceExhaustedResponse) or _dated(error):
        return "429"
    if isinstance(error, UnexpectedResponse):
        return str(error.status_code)
    source = error.source if isinstance(error, ResponseHandlingException) else error
    return _grpc_code(source) or type(source).__name__


def _grpc_code(error: BaseException | None) -> str:
    code = getattr(error, "code", None)
    return str(getattr(code(), "name", "")) if callable(code) else ""
