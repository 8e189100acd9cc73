"""What a run tells, as log lines for programs: a line a stage, a note, and a count every few seconds."""

import logging
import time
from collections.abc import Callable

from simsong_pipeline.home.events import Events
from simsong_pipeline.logs import at

_EVERY_S = 10.0
_log = logging.getLogger(__name__)


def logged_events(clock: Callable[[], float] = time.monotonic) -> Events:
    """Events of a run whose lines nobody reads as they come."""
    last = clock()

    def stage(name: str) -> None:
        at(stage=name)
        _log.info("stage begins")

    def progress(done: int, total: int) -> None:
        nonlocal last
        if clock() - last >= _EVERY_S:
            last = clock()
            _log.info("progress", extra={"done": done, "total": total})

    return Events(stage, progress, lambda text: _log.info("%s", text))
