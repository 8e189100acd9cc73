"""Errors as RFC 9457 problems: what went wrong, in the words of the library, with the status that it is for HTTP."""

import json
from collections.abc import Mapping

from starlette.responses import Response

from simsong_pipeline.errors import (
    AmbiguousSongError,
    BusyError,
    DiskFullError,
    ModelError,
    RawDataError,
    SimSongError,
    StoreError,
    UnknownSongError,
    UnknownTagError,
)
from simsong_pipeline.redaction import without_secrets
from simsong_pipeline.service.recordings import NoRecordingError

MEDIA_TYPE = "application/problem+json"
# The first that an error is of.
_STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (UnknownSongError, 404, "unknown-song"),
    (UnknownTagError, 422, "unknown-tag"),
    (AmbiguousSongError, 409, "ambiguous-song"),
    (NoRecordingError, 404, "no-recording"),
    (BusyError, 503, "busy"),
    (DiskFullError, 507, "disk-full"),
    (StoreError, 503, "index"),
    (ModelError, 409, "model"),
    (RawDataError, 409, "not-ready"),
    (SimSongError, 409, "refused"),
)


class ProblemError(Exception):
    """What a request is answered with that cannot be answered.

    Args:
        kind: names it for programs; the same for the same cause.
        detail: says it for people.
        more: further members of the object.
    """

    def __init__(self, status: int, kind: str, detail: str, **more: object) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.more = status, kind, detail, more

    def body(self) -> dict[str, object]:
        """The object of the standard."""
        title = self.kind.replace("-", " ")
        told = {"type": f"urn:simsong:{self.kind}", "title": title, "status": self.status}
        return told | {"detail": without_secrets(self.detail)} | self.more

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The answer."""
        said = json.dumps(self.body(), ensure_ascii=False, default=str).encode("utf-8", "replace")
        own = {"Retry-After": "2"} if self.status == 503 else {}
        return Response(said, self.status, {**own, **(headers or {})}, media_type=MEDIA_TYPE)


def problem_of(error: SimSongError) -> ProblemError:
    """An error that a person can act on, as a problem; further lines of it are candidates."""
    status, kind = next((s, k) for cause, s, k in _STATUSES if isinstance(error, cause))
    first, *more = error.lines or ("",)
    return ProblemError(status, kind, first, **({"candidates": [line.strip() for line in more]} if more else {}))
