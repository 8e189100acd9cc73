"""Tells people that a run failed: by a webhook, by e-mail, or both. Addresses come from the environment alone.

SIMSONG_WEBHOOK_URL: gets a POST of {"text": …}, as Slack, Mattermost and Teams read it.
SIMSONG_MAIL_TO, SIMSONG_SMTP_URL: smtp://user:password@host:587 (STARTTLS where the server has it) or smtps://….
"""

import os
import smtplib
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import httpx

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.redaction import without_secrets

WEBHOOK, MAIL_TO, SMTP = "SIMSONG_WEBHOOK_URL", "SIMSONG_MAIL_TO", "SIMSONG_SMTP_URL"
# Short enough that whoever sends has done so, or knows that it cannot, well within the minute that a sensor has.
_TIMEOUT_S = 10.0
_BUDGET_S = 20.0
_WAITS_S = (2.0, 6.0)
Way = Callable[[str, str, Mapping[str, str]], None]


class NoticeError(SimSongError):
    """A notice did not reach its receiver; the message never holds an address, which may be a secret."""


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether anybody is to be told."""
    return bool(environment.get(WEBHOOK) or environment.get(MAIL_TO))


def send(
    subject: str, text: str, environment: Mapping[str, str] = os.environ, waits: Sequence[float] = _WAITS_S
) -> list[str]:
    """Tell all who are configured; what was used ("webhook", "mail").

    Args:
        waits: seconds before each further try of those who could not be told.

    Raises:
        NoticeError: one of them could not be told; the others were.
    """
    ways = {name: way for name, (wanted, way) in _WAYS.items() if environment.get(wanted)}
    started = time.monotonic()
    faults = _try(ways, subject, text, environment)
    for wait in waits:
        if not faults or time.monotonic() + wait > started + _BUDGET_S:
            break
        time.sleep(wait)
        faults = _try({name: ways[name] for name in faults}, subject, text, environment)
    if faults:
        told = "; ".join(f"{name}: {kind}" for name, kind in faults.items())
        raise NoticeError(f"not everybody could be told ({told}): check {WEBHOOK}, {MAIL_TO} and {SMTP}")
    return list(ways)


def _try(ways: Mapping[str, Way], subject: str, text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What failed, by the name of the way; each is tried, whatever becomes of the others."""
    faults = {}
    for name, way in ways.items():
        try:
            way(subject, text, environment)
        except (httpx.HTTPError, httpx.InvalidURL, smtplib.SMTPException, OSError, ValueError) as error:
            faults[name] = _kind(error)
    return faults


def _kind(error: Exception) -> str:
    """What failed, in words that hold no address."""
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
    return type(error).__name__ + (f" {status}" if status is not None else "")


def _post(subject: str, text: str, environment: Mapping[str, str]) -> None:
    body = {"text": without_secrets(f"*{subject}*\n{text}", environment)}
    answer = httpx.post(environment[WEBHOOK].strip(), json=body, timeout=_TIMEOUT_S)
    answer.raise_for_status()


def _mail(subject: str, text: str, environment: Mapping[str, str]) -> None:
    server = urlsplit((environment.get(SMTP) or "smtp://localhost:25").strip())
    message = EmailMessage()
    message["Subject"] = without_secrets(subject, environment)
    message["From"] = (
        unquote(server.username) if server.username and "@" in unquote(server.username) else "simsong@localhost"
    )
    message["To"] = environment[MAIL_TO]
    message.set_content(without_secrets(text, environment))
    host, port, tls = server.hostname or "localhost", server.port or 0, ssl.create_default_context()
    secret = server.scheme == "smtps"
    with (
        smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=tls)
        if secret
        else smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    ) as client:
        if not secret and client.ehlo()[0] == 250 and client.has_extn("starttls"):
            client.starttls(context=tls)
            secret = True
        if server.username and server.password:
            if not secret and host not in ("localhost", "127.0.0.1", "::1"):
                raise smtplib.SMTPNotSupportedError("no TLS: the password stays here")
            client.login(unquote(server.username), unquote(server.password))
        client.send_message(message)


_WAYS: dict[str, tuple[str, Way]] = {"webhook": (WEBHOOK, _post), "mail": (MAIL_TO, _mail)}
