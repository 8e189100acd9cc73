"""One request that was let in, and what a method is: a question to a snapshot, or what answers by itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from simsong_pipeline.service.library import Library
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot
from simsong_pipeline.service.subsonic.entries import Entries
from simsong_pipeline.service.subsonic.parameters import Parameters
from simsong_pipeline.service.subsonic.refusals import NotFoundError

# The one music folder.
FOLDER = "1"


@dataclass(frozen=True)
class Call:
    """What a question is asked with."""

    service: Service
    snapshot: Snapshot
    parameters: Parameters
    user: str
    entries: Entries

    @property
    def library(self) -> Library:
        """The snapshot's."""
        return self.snapshot.library

    def refuse_other_folder(self) -> None:
        """Raise `NotFoundError` where another music folder is asked for."""
        folder = self.parameters.text("musicFolderId")
        if folder not in (None, FOLDER):
            raise NotFoundError(f"no music folder has the id {folder[:100]!r}")


Question: TypeAlias = Callable[[Call], dict[str, Any]]
Handler: TypeAlias = Callable[[Service, Request, Parameters], Awaitable[Response]]


@dataclass(frozen=True)
class Method:
    """One method of the API.

    Attributes:
        question: gives the members of the document, in a thread; or
        handler: gives the whole response.
        is_public: whether it needs no login.
        writes: whether it changes something, which `--read-only` refuses.
    """

    question: Question | None = None
    handler: Handler | None = None
    is_public: bool = False
    writes: bool = False
