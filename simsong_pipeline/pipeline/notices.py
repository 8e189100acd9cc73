"""Tells people that a run failed: by a webhook, by e-mail, or both. Addresses come from the environment alone.

SIMSONG_WEBHOOK_URL: gets a POST of {"text": …}, as Slack, Mattermost and Teams read it.
SIMSONG_MAIL_TO, SIMSONG_SMTP_URL: smtp://user:password@host:587 (STARTTLS where the server has it) or smtps://….
"""

import os
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import httpx

from simsong_pipeline.errors import SimSongError

WEBHOOK, MAIL_TO, SMTP = "SIMSONG_WEBHOOK_URL", "SIMSONG_MAIL_TO", "SIMSONG_SMTP_URL"
_TIMEOUT_S = 20.0


class NoticeError(SimSongError):
    """A notice did not reach its receiver; the message never holds an address, which may be a secret."""


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether anybody is to be told."""
    return bool(environment.get(WEBHOOK) or environment.get(MAIL_TO))


def send(subject: str, text: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Tell all who are configured; what was used ("webhook", "mail").

    Raises:
        NoticeError: one of them could not be told; the others were.
    """
    ways = {"webhook": _post if environment.get(WEBHOOK) else None, "mail": _mail if environment.get(MAIL_TO) else None}
    used, faults = [], []
    for name, way in ways.items():
        if way is None:
            continue
        try:
            way(subject, text, environment)
            used.append(name)
        except (httpx.HTTPError, httpx.InvalidURL, smtplib.SMTPException, OSError, ValueError) as error:
            faults.append(f"{name}: {_kind(error)}")
    if faults:
        raise NoticeError(f"not everybody could be told ({'; '.join(faults)}): check {WEBHOOK}, {MAIL_TO} and {SMTP}")
    return used


def _kind(error: Exception) -> str:
    """What failed, in words that hold no address."""
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
    return type(error).__name__ + (f" {status}" if status is not None else "")


def _post(subject: str, text: str, environment: Mapping[str, str]) -> None:
    answer = httpx.post(environment[WEBHOOK], json={"text": f"*{subject}*\n{text}"}, timeout=_TIMEOUT_S)
    answer.raise_for_status()


def _mail(subject: str, text: str, environment: Mapping[str, str]) -> None:
    server = urlsplit(environment.get(SMTP) or "smtp://localhost:25")
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = (
        unquote(server.username) if server.username and "@" in unquote(server.username) else "simsong@localhost"
    )
    message["To"] = environment[MAIL_TO]
    message.set_content(text)
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
