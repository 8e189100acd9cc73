"""Log lines for programs: one JSON object a line, where SIMSONG_LOG_FORMAT or --log-format says json.

Each says when, how grave, and what; and, where they are known, the run's number, its stage, the bucket and the track.
Every text passes the redaction here once more, whoever made the record.
"""

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from simsong_pipeline.redaction import guard_logs, without_secrets

VARIABLE = "SIMSONG_LOG_FORMAT"
PROJECT = "simsong_pipeline"
# What a line may say besides when, how grave and what; given by `extra` of a log call.
FIELDS = (
    "run",
    "stage",
    "bucket",
    "track_id",
    "songs",
    "seconds",
    "done",
    "total",
    "more",
    "figures",
    "traceback",
    "dagster_run",
    "step",
)
_log = logging.getLogger(__name__)


@dataclass
class Place:
    """Where this process is in its run; it can be pickled, for the processes that work for it.

    Attributes:
        run: its number, once it has taken one.
    """

    run: int | None = None
    stage: str | None = None


_place = Place()
_bucket: ContextVar[int | None] = ContextVar("bucket", default=None)


def place() -> Place:
    """The present one, of this process."""
    return Place(_place.run, _place.stage)


def at(run: int | None = None, stage: str | None = None) -> None:
    """Let the lines that follow name this run, or this stage; what is null stays."""
    _place.run = _place.run if run is None else run
    _place.stage = _place.stage if stage is None else stage


def begin() -> None:
    """Forget the run and the stage before: another run begins in this process."""
    _place.run = _place.stage = None


@contextmanager
def in_bucket(number: int) -> Iterator[None]:
    """Let the lines of this thread name a bucket while the block lasts."""
    token = _bucket.set(number)
    try:
        yield
    finally:
        _bucket.reset(token)


def is_json(environment: Mapping[str, str] | None = None) -> bool:
    """Whether lines are for programs."""
    return (os.environ if environment is None else environment).get(VARIABLE, "").strip().lower() == "json"


class JsonLines(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Never raises for what a record holds: what JSON has no form for is said as text."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said: dict[str, Any] = {"ts": when, "level": record.levelname.lower(), "message": record.getMessage()}
        known = {"run": _place.run, "stage": _place.stage, "bucket": _bucket.get()}
        for name in FIELDS:
            value = getattr(record, name, None)
            value = known.get(name) if value is None else value
            if value not in (None, ""):
                said[name] = value
        said["logger"], said["pid"] = record.name, record.process
        if record.exc_info and record.exc_info[1] is not None:
            said["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        # ASCII alone: nothing in it begins a new line or steers a terminal.
        return json.dumps({name: _clean(value) for name, value in said.items()}, default=lambda v: _clean(str(v)))


def _clean(value: object) -> object:
    if isinstance(value, str):
        return without_secrets(value)
    return [_clean(held) for held in value] if isinstance(value, list | tuple) else value


class _ToStderr(logging.StreamHandler[Any]):
    """To standard error as it is at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())

    @property
    def stream(self) -> Any:
        """Looked up anew each time, for it may be replaced."""
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None: ...


def json_handler() -> logging.Handler:
    """Writes records to standard error, one object a line."""
    return _ToStderr()


def log_as_json() -> None:
    """Write this project's lines, and warnings of libraries, as JSON from now on; once is enough.

    Processes that this one starts do the same.
    """
    os.environ[VARIABLE] = "json"
    guard_logs()
    root, own = logging.getLogger(), logging.getLogger(PROJECT)
    if not any(isinstance(handler, _ToStderr) for handler in root.handlers):
        root.addHandler(json_handler())
    for handler in [h for h in own.handlers if not isinstance(h, _ToStderr)]:
        own.removeHandler(handler)
    own.propagate = True
    own.setLevel(logging.INFO)
    sys.excepthook = _logged_error


def _logged_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # As text, which is said without secrets; the record's own would be left out whole where it holds one.
    told = "".join(traceback.format_exception(kind, error, trace))
    _log.critical("%s: %s", kind.__name__, error, extra={"traceback": told})


def begin_worker(there: Place, as_json: bool) -> None:
    """Let a process that works for another one, on another machine perhaps, log as that one does."""
    if as_json:
        log_as_json()
    at(there.run, there.stage)


def in_its_bucket(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A bucket's function, whose lines name the bucket, and which ends with a line of its own."""

    def done(job: Any) -> Any:
        began = datetime.now(UTC)
        with in_bucket(job.bucket):
            result = work(job)
            seconds = round((datetime.now(UTC) - began).total_seconds(), 3)
            _log.info("bucket done", extra={"songs": job.songs, "seconds": seconds})
        return result

    return done
