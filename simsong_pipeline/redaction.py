"""Takes secrets out of text: the one place that every message of a library, every log line and every error passes.

Known secrets are the values of the variables below, in whatever form a library may quote them, and the passwords of
addresses that were given otherwise (`remember_address`). They are looked up anew each time, and kept nowhere.
"""

import base64
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
# The whole value is a secret.
KEYS = (
    "QDRANT_API_KEY",
    "GENIUS_ACCESS_TOKEN",
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "SIMSONG_API_KEY",
    "SIMSONG_SUBSONIC_PASSWORD",
    "SIMSONG_SUBSONIC_KEY",
)
# An address whose user and password are secrets, and what it asks for.
ADDRESSES = ("QDRANT_URL", "SIMSONG_SMTP_URL", "DAGSTER_PG_URL", "SIMSONG_PUSHGATEWAY_URL")
# An address that is a secret as a whole: whoever has it can post.
WEBHOOKS = ("SIMSONG_WEBHOOK_URL",)
# Shorter ones are part of ordinary words, and taken out only where they stand alone.
_SHORT = 6
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@'\"]*:[^\s/@'\"]*@")
# What lets people in to a server of Subsonic's kind, where an address of it is quoted.
_IN_QUERY = re.compile(r"(?<=[?&])(apiKey|[upts])=[^&\s'\"]+")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_ENDS = re.compile(r"[/?#]")
_remembered: set[str] = set()


def remember_address(address: str) -> None:
    """Take user and password of an address that no variable holds out of everything that is said from now on."""
    _remembered.add(address)


def without_credentials(address: str) -> str:
    """An address without user, password and query, for messages; also one that cannot be parsed."""
    scheme, mark, rest = address.rpartition("://") if "://" in address else ("", "", address)
    place = rest.rpartition("@")[2].partition("?")[0]
    return without_secrets(f"{scheme}{mark}{place}")


def without_secrets(text: str, environment: Mapping[str, str] | None = None) -> str:
    """`text` with three stars in place of each known secret, plain, escaped, URL-encoded, in base64 or hex."""
    secrets = sorted(set(_secrets(os.environ if environment is None else environment)), key=len, reverse=True)
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    for form in forms:
        alone = rf"(?<!\w){re.escape(form)}(?!\w)"
        text = re.sub(alone, HIDDEN, text) if len(form) < _SHORT else text.replace(form, HIDDEN)
    return _IN_QUERY.sub(rf"\1={HIDDEN}", _IN_ADDRESS.sub(f"{HIDDEN}@", text))


def reveals(error: BaseException) -> bool:
    """Whether an error, or one that it came from, holds a secret in what it would print."""
    return any(without_secrets(said) != said for said in _said(error))


def cause(error: BaseException) -> BaseException | None:
    """The error to raise another one from: none where its own text would print a secret."""
    return None if reveals(error) else error


def guard_logs() -> None:
    """Let log records and uncaught errors of this process pass here before anybody sees them. Once is enough."""
    make = logging.getLogRecordFactory()
    if isinstance(make, _Guarded):
        return
    logging.setLogRecordFactory(_Guarded(make))
    sys.excepthook = _excepthook


class _Guarded:
    """A factory of log records without secrets."""

    def __init__(self, make: object) -> None:
        self._make = make

    def __call__(self, *args: object, **more: object) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **more)  # type: ignore[operator]
        try:
            said = record.getMessage()
        except (TypeError, ValueError):
            return record  # whoever logs it hears of its mistake from logging itself
        clean = without_secrets(said)
        if clean != said:
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[1] is not None and reveals(record.exc_info[1]):
            record.exc_text = without_secrets("".join(traceback.format_exception(record.exc_info[1])))
            record.exc_info = None
        return record


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(without_secrets("".join(traceback.format_exception(kind, error, trace))))


def _said(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield from (str(one), repr(one), *map(str, getattr(one, "__notes__", ())))
            waiting += [one.__cause__, one.__context__]


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for name in KEYS:
        yield from _parts(environment.get(name, ""))
    for name in WEBHOOKS:
        address = environment.get(name, "").strip()
        yield address
        yield from _of_address(address)
        # What follows the host is what lets people in: hooks.example/services/T0/B0/x.
        yield address.partition("://")[2].partition("/")[2]
    for address in (*(environment.get(name, "") for name in ADDRESSES), *_remembered):
        yield from _of_address(address)


def _parts(value: str) -> Iterator[str]:
    """A value, and the pieces that a blank or newline in it makes: a library may quote one line of it."""
    yield value
    yield value.strip()
    yield from (piece for piece in _SPACE.split(value) if len(piece) >= _SHORT)


def _of_address(address: str) -> Iterator[str]:
    """User and password together, the password alone, a query's values; parsed by hand, since it may be wrong."""
    rest = address.strip().partition("://")[2] or address.strip()
    before, _, after = rest.rpartition("@")
    user, colon, password = before.partition(":")
    if before:
        yield before
        # A password that is its user's name is no secret, and may be an ordinary word.
        secret = password if colon and password != user else "" if colon else user
        yield from _parts(secret)
        # Where one of these was not escaped, a parser sees the host end there, and quotes a piece.
        yield from (piece for piece in _ENDS.split(secret) if len(piece) >= _SHORT)
    for pair in after.partition("?")[2].partition("#")[0].split("&"):
        yield pair.partition("=")[2]


def _forms(secret: str) -> Iterator[str]:
    """How a secret may be quoted."""
    if not secret.strip():
        return
    for plain in {secret, unquote(secret)}:
        yield plain
        yield repr(plain)[1:-1]
        yield json.dumps(plain)[1:-1]
        yield json.dumps(plain, ensure_ascii=False)[1:-1]
        yield from (quote(plain), quote(plain, safe=""), quote_plus(plain))
        data = plain.encode("utf-8", "surrogateescape")
        yield data.hex()  # as Subsonic has it
        for encoded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
            yield encoded.decode()
            yield encoded.decode().rstrip("=")
