"""What a request is refused with: a class for each code of the standard. The HTTP status stays 200."""

from typing import ClassVar

from simsong_pipeline.errors import SimSongError, UnknownSongError
from simsong_pipeline.redaction import without_secrets
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.recordings import NoRecordingError


class RefusedError(Exception):
    """A request that cannot be answered, for a reason that has no code of its own."""

    code: ClassVar[int] = 0
    http_status: ClassVar[int] = 200


class UnknownMethodError(RefusedError):
    """A method that is not offered; clients that probe for an extension look at the HTTP status."""

    http_status = 404


class MissingParameterError(RefusedError):
    """Made of the parameter's name."""

    code = 10

    def __init__(self, name: str) -> None:
        super().__init__(f"the parameter {name} is missing")


class OldClientError(RefusedError):
    """The client speaks a version of the protocol before this one."""

    code = 20


class OldServerError(RefusedError):
    """The client speaks a version of the protocol after this one."""

    code = 30


class WrongPasswordError(RefusedError):
    """Password or token are not made of the key."""

    code = 40


class TwoLoginsError(RefusedError):
    """A client shows itself in two ways at once."""

    code = 43


class WrongKeyError(RefusedError):
    """It is not the service's key."""

    code = 44


class NotAllowedError(RefusedError):
    """Nobody may do this here, or not now."""

    code = 50


class NotFoundError(RefusedError):
    """Nothing has this id."""

    code = 70


_CODES: dict[int, type[RefusedError]] = {401: WrongPasswordError, 403: NotAllowedError, 404: NotFoundError}


def refusal_of(error: SimSongError | ProblemError) -> RefusedError:
    """An error of the other rooms in the words of this one."""
    if isinstance(error, ProblemError):
        return _CODES.get(error.status, RefusedError)(without_secrets(error.detail))
    kind = NotFoundError if isinstance(error, UnknownSongError | NoRecordingError) else RefusedError
    return kind(error.lines[0] if error.lines else type(error).__name__)
