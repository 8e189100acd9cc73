"""An HTTP client that keeps to a provider's limits and never trusts what comes back.

One request at a time with a pause between them; Retry-After is honoured; a provider that says stop is left alone. The
transport is a seam: tests pass a loopback server's address or httpx's own transport.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urljoin, urlsplit

import httpx

from simsong_pipeline.errors import SimSongError

Outcome = Literal["ok", "not_found", "blocked", "transient", "refused"]
_REDIRECTS = 4
# A pause beyond a month is no better known than a month.
_LONGEST_S = 30 * 86_400.0


class ProviderStoppedError(SimSongError):
    """The provider asks to be left alone, or cannot be reached; `until` is when to go on."""

    def __init__(self, provider: str, reason: str, until: datetime) -> None:
        self.until = until
        super().__init__(
            f"{provider} asks to be left alone or is away ({reason}): nothing more was asked. What was fetched is "
            f"kept; run the same command again after {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        )


@dataclass(frozen=True)
class Limits:
    """How a provider is asked.

    Attributes:
        interval_s: least time between two requests; up to half of it is added at random.
        retries: further tries after a transient failure, each after a longer pause.
        stop_after: refused answers or 429s, with nothing that went well between them, that open the circuit; as many
            addresses in a row that fail in all their tries do so too.
        longest_wait_s: a Retry-After beyond this stops the provider in place of waiting.
        max_bytes: largest body, after decompression.
        deadline_s: for one answer as a whole, however slowly it trickles.
    """

    interval_s: float = 1.0
    retries: int = 3
    stop_after: int = 3
    longest_wait_s: float = 120.0
    max_bytes: int = 4_000_000
    timeout_s: float = 15.0
    deadline_s: float = 60.0
    rest_s: float = 3_600.0


@dataclass(frozen=True)
class Answer:
    """What came back; `reason` says why it is not ok, `url` is the last one asked, headers have lower-case names."""

    outcome: Outcome
    status: int | None
    body: bytes
    url: str
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is asked."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def led_to(self, url: str, status: int) -> "Question":
        """The question a redirect leads to. What authorises at one place is no business of another."""
        moved = origin_of(url) != origin_of(self.url)
        headers = {n: v for n, v in self.headers.items() if not (moved and n.lower() in ("authorization", "cookie"))}
        if status in (307, 308) or self.method == "GET":
            return Question(self.method, url, headers, self.body)
        kept = {n: v for n, v in headers.items() if n.lower() not in ("content-type", "content-length")}
        return Question("GET", url, kept)


@dataclass(frozen=True)
class Clock:
    """Time as an argument: seconds on a running scale, the date, and how to wait."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep


class PoliteClient:
    """Asks one provider. Use as a context manager.

    Args:
        origins: scheme://host[:port] that may be asked, redirects included; anything else is refused. A host that
            begins with `*.` stands for all below it.
    """

    def __init__(
        self,
        provider: str,
        origins: frozenset[str],
        limits: Limits,
        rng: random.Random,
        clock: Clock | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._provider, self._origins, self._limits = provider, origins, limits
        self._rng, self._clock = rng, clock or Clock()
        self._client = httpx.Client(transport=transport, timeout=limits.timeout_s, follow_redirects=False)
        self._last: float | None = None
        self._refusals = self._failures = 0

    def __enter__(self) -> "PoliteClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """`ask` for an address."""
        return self.ask(Question("GET", url, headers or {}))

    def ask(self, question: Question) -> Answer:
        """Ask until there is an answer that another try would not change, or the tries are used up.

        Raises:
            ProviderStoppedError: the provider asks for a long pause, or has refused several times in a row.
        """
        answer = Answer("transient", None, b"", question.url, "not asked")
        for attempt in range(self._limits.retries + 1):
            answer, wait = self._follow(question)
            if answer.outcome in ("blocked", "refused"):
                self._count_refusal(answer.reason)
                return answer
            if answer.outcome != "transient":
                self._failures = 0
                return answer
            if answer.status == 429:
                self._count_refusal(answer.reason)
            if attempt < self._limits.retries:
                self._clock.sleep(self._pause(attempt, wait, answer.reason))
        self._failures += 1
        if self._failures >= self._limits.stop_after:
            raise ProviderStoppedError(self._provider, answer.reason, self._after(self._limits.rest_s))
        return answer

    def _count_refusal(self, reason: str) -> None:
        self._refusals += 1
        if self._refusals >= self._limits.stop_after:
            raise ProviderStoppedError(self._provider, reason, self._after(self._limits.rest_s))

    def block(self, reason: str) -> None:
        """Tell that an answer with a good status was a refusal in truth, a captcha page say.

        Raises:
            ProviderStoppedError: it was one too many.
        """
        self._count_refusal(reason)

    def went_well(self) -> None:
        """Tell that the provider gave what was wanted: refusals before it are forgotten.

        Not any good status does that: a provider that refuses its pages may go on answering searches.
        """
        self._refusals = 0

    def _after(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(self._clock.now().timestamp() + seconds, UTC)

    def _pause(self, attempt: int, wait: float | None, reason: str) -> float:
        """What the provider asks for, else 1, 2, 4 … intervals; never shorter than asked, and with jitter."""
        if wait is not None and wait > self._limits.longest_wait_s:
            raise ProviderStoppedError(self._provider, reason, self._after(wait))
        base = self._limits.interval_s * float(2**attempt)
        return max(base, wait or 0.0) * (1 + 0.5 * self._rng.random())

    def _follow(self, question: Question) -> tuple[Answer, float | None]:
        """One try, redirects followed by hand: each target has to be one of the provider's own origins."""
        for _ in range(_REDIRECTS + 1):
            url = question.url
            origin = origin_of(url)
            if not self._may_ask(origin):
                return Answer("refused", None, b"", url, f"leads to {origin or url[:80]!r}, which is not asked"), None
            answer, wait, target = self._once(question)
            if target is None:
                return answer, wait
            try:
                question = question.led_to(urljoin(url, target), answer.status or 0)
            except ValueError:
                return Answer("refused", None, b"", url, "leads to an address that is none"), None
        return Answer("refused", None, b"", question.url, "too many redirects"), None

    def _may_ask(self, origin: str) -> bool:
        if origin in self._origins:
            return True
        scheme, _, host = origin.partition("://")
        # user@host and host:port are never below a name that is allowed as a whole.
        plain_host = bool(host) and not set(host) & set("@:\\")
        below = [o.partition("://*.")[2] for o in self._origins if o.startswith(f"{scheme}://*.")]
        return plain_host and any(host.endswith(f".{name}") for name in below)

    def _once(self, question: Question) -> tuple[Answer, float | None, str | None]:
        """(answer, seconds to wait, target of a redirect)."""
        url = question.url
        self._keep_distance()
        try:
            with self._client.stream(
                question.method, url, headers=dict(question.headers), content=question.body
            ) as response:
                status, target = response.status_code, response.headers.get("location")
                if response.is_redirect and target:
                    return Answer("ok", status, b"", url, ""), None, target
                wait = retry_after(response.headers.get("retry-after"), self._clock.now())
                body = self._read(response)
        except _TooLargeError as error:
            return Answer("refused", status, b"", url, str(error)), None, None
        except httpx.LocalProtocolError as error:
            # Its message quotes the header that it refuses, which may be the one with a secret.
            return Answer("refused", None, b"", url, type(error).__name__), None, None
        except (httpx.InvalidURL, ValueError) as error:
            return (
                Answer("refused", None, b"", url, f"an address that cannot be asked ({type(error).__name__})"),
                None,
                None,
            )
        except httpx.HTTPError as error:
            return Answer("transient", None, b"", url, f"{type(error).__name__}: {error}"), None, None
        outcome, reason = judged(status)
        return Answer(outcome, status, body, url, reason, dict(response.headers)), wait, None

    def _read(self, response: httpx.Response) -> bytes:
        """The body, decompressed piece by piece, so that a small one that unpacks to a huge one is noticed early."""
        started, parts, size = self._clock.monotonic(), [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._limits.max_bytes:
                raise _TooLargeError(f"the answer is larger than {self._limits.max_bytes:,} bytes")
            if self._clock.monotonic() - started > self._limits.deadline_s:
                raise httpx.ReadTimeout(f"the answer took longer than {self._limits.deadline_s:g} s")
            parts.append(part)
        return b"".join(parts)

    def _keep_distance(self) -> None:
        now = self._clock.monotonic()
        if self._last is not None:
            due = self._last + self._limits.interval_s * (1 + 0.5 * self._rng.random())
            if due > now:
                self._clock.sleep(due - now)
        self._last = self._clock.monotonic()


class _TooLargeError(Exception):
    """The body is larger than is read."""


def judged(status: int) -> tuple[Outcome, str]:
    """What a status means for asking again."""
    if status < 300:
        return "ok", ""
    if status in (404, 410):
        return "not_found", f"status {status}"
    if status in (401, 403, 451):
        return "blocked", f"status {status}"
    if status in (408, 425, 429) or status >= 500:
        return "transient", f"status {status}"
    return "refused", f"status {status}"


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; null where it says nothing."""
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return min(float(value), _LONGEST_S)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now).total_seconds()), _LONGEST_S)


def origin_of(url: str) -> str:
    """scheme://host[:port] of an address that may be asked at all: http and https."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else ""
