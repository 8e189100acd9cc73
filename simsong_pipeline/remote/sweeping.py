"""Deletes what no state of a home needs any more, after a command has published.

An object's name begins with the number of the command that put it there. One of a lower number than the publishing
command's belongs to a generation, or to a command that can publish no more; so what no kept generation names can go,
whatever the clocks say. How long earlier generations are kept for their readers is a matter of time.
"""

import re
from datetime import UTC, datetime, timedelta

from simsong_pipeline.remote.generations import Entry
from simsong_pipeline.remote.journal import Journal
from simsong_pipeline.remote.parts import forget_old_parts
from simsong_pipeline.remote.store import ObjectStore

# A reader of a generation is not cut off for so long after the next one.
KEPT = timedelta(days=3)
_EVERY = timedelta(days=1)
OBJECTS = "objects"
_NUMBERED = re.compile(rf"{OBJECTS}/(\d{{10}})-")


def folder_of(begun: Entry) -> str:
    """What the names of a command's objects begin with."""
    return f"{OBJECTS}/{begun.number:010}-"


def sweep(store: ObjectStore, journal: Journal, begun: Entry, now: datetime | None = None) -> int:
    """Delete what is needless after the command that `begun` says has published, once a day; how many objects."""
    since = (now or datetime.now(UTC)) - KEPT
    first_at = journal.first().at
    if first_at and datetime.fromisoformat(first_at) > since - _EVERY:
        return 0
    entries = journal.entries()
    last = max((entry.number for entry in entries if entry.kind == "generation"), default=0)
    # The state before the first young one is what a reader may have opened just before.
    old = [e.number for e in entries if e.kind == "generation" and datetime.fromisoformat(e.at) < since]
    first = max(old, default=0)
    kept = [e for e in entries if e.kind == "generation" and (e.number >= first or e.number == last)]
    named = {held.object for entry in kept for held in entry.files.values()}
    swept = 0
    for name in store.names(OBJECTS):
        match = _NUMBERED.match(name)
        if match and int(match[1]) < begun.number and name not in named:
            store.remove(name)
            swept += 1
    # In their order, so that one that finds its own entry knows that none after it was forgotten.
    for entry in entries:
        if entry.number < first and datetime.fromisoformat(entry.at) < since:
            journal.forget(entry)
    forget_old_parts(store, now or datetime.now(UTC))
    return swept
