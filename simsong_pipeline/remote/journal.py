"""Who may write a home in an object store, and which of its states counts: one numbered list that only grows.

A command that writes takes the next number with an entry `begun`, and publishes by creating the entry after its own. A
name is created once: where another command has begun meanwhile, that number is taken, and nothing of the first one is
ever seen. So the fence needs no more of a store than that it creates a name for one of several.
"""

import re
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from simsong_pipeline.errors import BusyError, RawDataError, StaleRunError, StoreError
from simsong_pipeline.locks import Told, command_name, in_words
from simsong_pipeline.remote.generations import Entry, Files, parsed, written
from simsong_pipeline.remote.lease import DEAD_S, Watch
from simsong_pipeline.remote.store import ObjectStore

_FOLDER = "journal"
_NAME = re.compile(r"journal/(\d{10})\.json")
_POLL_S = 2.0
NOTHING = Entry(0, "generation", "", "", "", "", 0)


class Journal:
    """The journal of one home.

    Args:
        copy: the local copy that this process works on.
        told: gets the line that says for whom is waited.
    """

    def __init__(self, store: ObjectStore, copy: str, told: Told, dead_s: float = DEAD_S) -> None:
        self._store, self._copy, self._told, self._dead_s = store, copy, told, dead_s
        self._run = uuid.uuid4().hex

    def generation(self) -> Entry:
        """What the home is now; number 0 and no files before its first."""
        for _ in range(5):  # an entry that was listed may be swept before it is read
            last = self._last()
            found = self._entry(last.generation)
            if found is not None:
                return found
        raise StoreError(f"{self._store.name}/{_FOLDER} names a generation that is not there: restore it from a backup")

    def begin(self, wait_s: float) -> Entry:
        """Take the next number, once nobody else is at work.

        Raises:
            BusyError: another command is at work, and went on working for so many seconds.
        """
        while True:
            last = self._free(wait_s)
            entry = self._new("begun", last)
            if self._append(entry):
                self._refuse_forgetful(entry)
                return entry

    def publish(self, begun: Entry, files: Files, goes_on: bool = False) -> Entry:
        """Make these files the home, unless another command has begun since.

        Args:
            begun: the command's last entry: with which it began, or published before.
            goes_on: it will publish again, by the entry that is given back, and holds the home until then.

        Raises:
            StaleRunError: another one has begun; nothing of this one's is visible.
        """
        entry = replace(self._new("generation", begun), files=files, goes_on=goes_on)
        if not self._append(entry) or self._entry(begun.number) is None:  # swept: days have passed
            raise self._overtaken(begun)
        return entry

    def end(self, begun: Entry) -> None:
        """Say that nothing was changed; where another command has begun since, nobody needs to hear it."""
        self._append(self._new("ended", begun))

    def check(self, begun: Entry) -> None:
        """Whether no other command has begun since.

        Raises:
            StaleRunError: one has.
        """
        if self._last().number != begun.number:
            raise self._overtaken(begun)

    def entries(self) -> list[Entry]:
        """All that are kept, in their order."""
        return [entry for number in self._numbers() if (entry := self._entry(number)) is not None]

    def first(self) -> Entry:
        """The oldest that is kept."""
        numbers = self._numbers()
        return (self._entry(numbers[0]) if numbers else None) or NOTHING

    def forget(self, entry: Entry) -> None:
        """Delete an entry that nothing refers to."""
        self._store.remove(_name(entry.number))

    def _numbers(self) -> list[int]:
        matches = map(_NAME.fullmatch, self._store.names(_FOLDER))
        return sorted(int(match[1]) for match in matches if match)

    def _last(self) -> Entry:
        for _ in range(5):
            numbers = self._numbers()
            found = self._entry(numbers[-1]) if numbers else NOTHING
            if found is not None:
                return found
        raise StoreError(f"{self._store.name}/{_FOLDER} lists entries that are not there: ask again")

    def _entry(self, number: int) -> Entry | None:
        if number == 0:
            return NOTHING
        data = self._store.read(_name(number))
        return None if data is None else parsed(data, f"{self._store.name}/{_name(number)}")

    def _new(self, kind: Literal["begun", "ended", "generation"], after: Entry) -> Entry:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Entry(after.number + 1, kind, self._run, command_name(), self._copy, now, after.generation)

    def _append(self, entry: Entry) -> bool:
        data = written(entry)
        # A backend that tries again after a lost answer finds its own entry.
        return self._store.create(_name(entry.number), data) or self._store.read(_name(entry.number)) == data

    def _refuse_forgetful(self, entry: Entry) -> None:
        """Ask for the same name again: a store that grants it keeps no fence."""
        if self._store.create(_name(entry.number), written(entry)):
            raise RawDataError(
                f"{self._store.name} lets two create one object (its store ignores conditional writes): a home needs "
                "a store that refuses the second"
            )
        if not self._store.is_exclusive:
            self._told(
                f"{self._store.name}: this kind of store has no conditional writes; start one command at a time there"
            )

    def _free(self, wait_s: float) -> Entry:
        """The last entry, once no living command of another copy has begun and not ended."""
        last, until, watch, said = self._last(), time.monotonic() + wait_s, None, False
        while last.is_at_work and last.copy != self._copy:
            if watch is None or watch.run != last.run:
                watch = Watch(self._store, last, self._dead_s)
            if watch.is_dead():
                break
            if time.monotonic() >= until:
                waited = f", also after {in_words(wait_s)}" if wait_s else ""
                raise BusyError(
                    f"the home {self._store.name} is in use by {_who(last)}{waited}: run again when it has finished"
                )
            if not said:
                self._told(
                    f"the home {self._store.name} is in use by {_who(last)}: waiting for it, {in_words(wait_s)} at most"
                )
                said = True
            time.sleep(max(0.0, min(_POLL_S, self._dead_s / 8, until - time.monotonic())))
            last = self._last()
        return last

    def _overtaken(self, begun: Entry) -> StaleRunError:
        nothing = "Nothing more" if begun.kind == "generation" else "Nothing"
        return StaleRunError(
            f"this command was overtaken: another one has begun on {self._store.name} since (after number "
            f"{begun.number}). {nothing} of this one is in the home; run it again"
        )


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:010}.json"


def _who(entry: Entry) -> str:
    since = datetime.fromisoformat(entry.at).astimezone()
    return f"{entry.holder[:100]} on another machine or copy (since {since:%Y-%m-%d %H:%M:%S})"
