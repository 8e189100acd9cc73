"""A command's run with all who watch it: the note of what it does, its figures at the end, and who gets them."""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.night_note import Noting, State, noted
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.logs import begin, place
from simsong_pipeline.observing import figures
from simsong_pipeline.observing.handing_out import hand_out
from simsong_pipeline.observing.watch import Watch

_log = logging.getLogger(__name__)


@contextmanager
def observed(workspace: Workspace, command: str, told: Events) -> Iterator[Noting]:
    """See `noted`; what the run counts is kept beside the note, and handed out when it begins and ends."""
    begin()
    watch, started = Watch(), time.time()
    state: State = "stopped"
    try:
        with noted(workspace, command, watch.events(told)) as noting:
            hand_out(workspace)
            yield noting
        state = "done"
    except Exception:
        state = "failed"
        raise
    finally:
        keep(workspace, uuid.uuid4().hex, started, watch, state)


def keep(workspace: Workspace, run: str, started: float, watch: Watch, state: State | None) -> None:
    """Add a run's figures to the home's and hand them out; a night does not fail of what is said of it.

    Args:
        state: how it ended; null for a step that others follow.
    """
    try:
        kept = figures.add(workspace, run, place().run, started, watch)
        if state is not None:
            figures.end(workspace, kept, state)
        _log.info("run %s", state or "goes on", extra={"figures": kept.songs, "seconds": watch.seconds})
    except (OSError, SimSongError) as error:
        _log.warning("the figures of this run could not be kept: %s", error)
    hand_out(workspace)
