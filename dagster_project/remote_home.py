"""A home at an address, in a run of Dagster: opened at the run's first step, published after each.

The steps of a run, and the resources that depend on this one, share one local copy in their process.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.remote.opened import OpenedHome, Telling, opened


@dataclass
class _InUse:
    """How many resources of a run will say that they are done, and what is to be closed then."""

    users: int = 0
    opened: OpenedHome | None = None
    closing: ExitStack = field(default_factory=ExitStack)


_in_use: dict[str | None, _InUse] = {}


def begin_use(run_id: str | None) -> None:
    """A resource of the run begins; nothing is opened yet."""
    _in_use.setdefault(run_id, _InUse()).users += 1


def copy_of(url: str, run_id: str | None, wait_s: float, told: Callable[[str], None]) -> Path:
    """The run's local copy.

    Raises:
        SimSongError: outside of a run, or as `opened`.
    """
    use = _in_use.get(run_id)
    if use is None:
        raise SimSongError("a home at an address is opened by a run of Dagster, or by the simsong command")
    if use.opened is None:
        use.opened = use.closing.enter_context(opened(url, "writing", wait_s, Telling(told, lambda *_: None, told)))
    return use.opened.home


def publish() -> None:
    """Publish what the runs of this process have left so far: after each step, so that one that is refused fails.

    Raises:
        SimSongError: it cannot be.
    """
    for use in _in_use.values():
        if use.opened is not None:
            use.opened.publish()


def is_open(run_id: str | None) -> bool:
    """Whether a step of the run has opened its local copy."""
    return run_id in _in_use and _in_use[run_id].opened is not None


def end_use(run_id: str | None) -> None:
    """A resource of the run ends; with the last one, what the run has left is published.

    Raises:
        SimSongError: it cannot be; nothing of the run is in the home.
    """
    use = _in_use.get(run_id)
    if use is None:
        return
    use.users -= 1
    if use.users <= 0:
        del _in_use[run_id]
        use.closing.close()
