"""What Dagster shows of a failed step: first the line that the command would print, and never a secret."""

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

import dagster as dg

from dagster_project.remote_home import publish
from simsong_pipeline.errors import first_line, told_to_people
from simsong_pipeline.redaction import cause

F = TypeVar("F", bound=Callable[..., Any])


class Failure(dg.Failure):
    """A step that failed for a reason that a person can act on, which is its description."""


# Dagster shows errors by module and name, and the reason is to come first.
Failure.__module__ = "builtins"


@contextmanager
def reasons_first() -> Generator[None]:
    """Errors within as `Failure`s. A mistake in the program stays what it is, unless its text would print a secret."""
    failure: tuple[Failure, BaseException | None] | None = None
    try:
        yield
    except dg.Failure:
        raise
    except Exception as error:
        told, safe = told_to_people(error), cause(error)
        if told is None and safe is not None:
            raise
        reason = str(told) if told is not None else f"{type(error).__name__}: {first_line(error)}"
        failure = Failure(reason), safe
    if failure is not None:  # outside of the handler, lest the error be its context
        raise failure[0] from failure[1]


def telling(step: F) -> F:
    """The function of an asset, a check or an IO manager, with its errors as `reasons_first` has them.

    Where the home is at an address, what it has left there is published when it has ended.
    """
    if inspect.isgeneratorfunction(step):

        @wraps(step)
        def generating(*arguments: Any, **named: Any) -> Generator[Any, Any, Any]:
            with reasons_first():
                yield from step(*arguments, **named)
                publish()

        return cast(F, generating)

    @wraps(step)
    def doing(*arguments: Any, **named: Any) -> Any:
        with reasons_first():
            result = step(*arguments, **named)
            publish()
            return result

    return cast(F, doing)
