"""A home in an object store, worked on in a local copy: opened as one generation, published as the next.

Everything below a home's folder is written and mapped by libraries that know files alone; so the copy is where work is
done, and the store is where it counts.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simsong_pipeline.errors import SimSongError, StaleRunError
from simsong_pipeline.locks import NotedLock, Told
from simsong_pipeline.remote.address import copies_folder
from simsong_pipeline.remote.generations import Entry, Files
from simsong_pipeline.remote.journal import Journal
from simsong_pipeline.remote.lease import DEAD_S, signs_of_life
from simsong_pipeline.remote.local_copy import NO_GENERATION, LocalCopy
from simsong_pipeline.remote.parts import forget_parts, put_part, take_parts
from simsong_pipeline.remote.store import ObjectStore
from simsong_pipeline.remote.sweeping import folder_of, sweep
from simsong_pipeline.remote.transfer import GoneError, Progress, make_equal, put_files

# Reading sees the last generation; writing makes the next one; a worker puts what it heard beside it.
Use = Literal["reading", "writing", "working"]
# What a reader has no use for: the raw data of a home that holds its own.
_NOT_READ = ("raw/",)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Telling:
    """Who hears of transfers: `stage` begins one, `progress` counts files in it, `note` says a fact."""

    stage: Callable[[str], None]
    progress: Progress
    note: Told


@dataclass(frozen=True)
class OpenedHome:
    """A home while it is open.

    Attributes:
        home: the folder to work in.
        folder: of the local copy and what is known of it.
        publish: makes what is there now the home's next generation, and goes on; nothing for a reader.
    """

    home: Path
    folder: Path
    publish: Callable[[], object]


@contextmanager
def opened(url: str, use: Use, wait_s: float, told: Telling, dead_s: float = DEAD_S) -> Iterator[OpenedHome]:
    """A local copy of the home; what a command leaves in it is published at the end, also of one that failed.

    That is what it would leave in a home on a disk, where the next command goes on from. Overtaken, it leaves nothing.

    Args:
        wait_s: for another command that works on the home, or on the local copy.
        dead_s: without a sign of life for so long, another machine's command counts as killed.

    Raises:
        BusyError: the other command went on working.
        StaleRunError: another command has begun meanwhile; nothing of this one is visible.
        StoreError: the store does not answer, or an object is missing or damaged.
    """
    store, folder = ObjectStore(url), copies_folder(url)
    folder /= "reading" if use == "reading" else "writing"
    folder.mkdir(parents=True, exist_ok=True)
    remedy = "run again when it has finished, or name another folder for local copies by SIMSONG_CACHE"
    lock = NotedLock(folder / ".lock", f"the local copy of {store.name}", remedy, told=told.note)
    with lock.held(wait_s):
        copy = LocalCopy(folder)
        copy.save(address=store.name)
        journal = Journal(store, copy.state.copy, told.note, dead_s)
        place = _Place(copy, url, store, journal, told)
        if use == "reading":
            place.read()
            yield OpenedHome(copy.home, folder, lambda: None)
        elif use == "working":
            before = place.work()
            with _at_the_end(lambda: place.put_part(before)):
                yield OpenedHome(copy.home, folder, lambda: None)
        else:
            begun = journal.begin(wait_s)
            with signs_of_life(store, begun, dead_s):
                writing = _Writing(place, begun)
                with _at_the_end(writing.end):
                    yield OpenedHome(copy.home, folder, lambda: writing.publish(goes_on=True))


@dataclass(frozen=True)
class _Place:
    """A local copy with what it is a copy of."""

    copy: LocalCopy
    url: str
    store: ObjectStore
    journal: Journal
    told: Telling

    def read(self) -> None:
        """Make the copy the last generation, whatever it is."""
        for is_last in (False, True):
            generation = self.journal.generation()
            files = {path: held for path, held in generation.files.items() if not path.startswith(_NOT_READ)}
            try:
                self._fetch(generation.number, files)
                return
            except GoneError:  # swept while it was fetched, if there is a later one
                if is_last or self.journal.generation().number == generation.number:
                    raise

    def work(self) -> dict[str, str]:
        """Open the copy for a worker; the hashes of what the home and other workers' parts hold."""
        generation = self.journal.generation()
        self.open(generation)
        return _hashes(generation.files | take_parts(self.copy, self.store, self.told.progress).files)

    def put_part(self, before: dict[str, str]) -> None:
        """What a worker has done, beside the home."""
        self.told.stage(f"writing to {self.store.name}")
        self.told.note(f"{put_part(self.copy, before, self.store, self.told.progress)} buckets' files written")

    def open(self, generation: Entry) -> None:
        """Make the copy the generation, unless it is that with what a killed command of this copy did since."""
        if not (self.copy.state.is_ahead and self.copy.state.generation == generation.number):
            self._fetch(generation.number, generation.files)
        self.copy.save(is_ahead=True)

    def _fetch(self, number: int, files: Files) -> None:
        self.copy.save(generation=NO_GENERATION, is_ahead=False)
        folder = copies_folder(self.url)
        others = [folder / name for name in ("reading", "writing") if (folder / name / "state.json").is_file()]
        siblings = [LocalCopy(other) for other in others if other != self.copy.folder]
        self.told.stage(f"opening {self.store.name}")
        make_equal(self.copy, files, self.store, siblings, self.told.progress)
        self.copy.save(generation=number)


class _Writing:
    """A command that writes, from its number to its end."""

    def __init__(self, place: _Place, begun: Entry) -> None:
        self._place, self._last = place, begun
        try:
            generation = place.journal.generation()
            self._before = generation.files
            place.open(generation)
            self._parts = take_parts(place.copy, place.store, place.told.progress).parts
        except BaseException:
            place.journal.end(begun)
            raise
        if self._parts:
            place.told.note(f"{len(self._parts)} parts of workers taken over")

    def end(self) -> None:
        """Publish what changed, and let others in."""
        if not self.publish(goes_on=False):
            self._place.journal.end(self._last)
        self._place.copy.save(is_ahead=False)
        forget_parts(self._place.store, self._parts)
        try:
            sweep(self._place.store, self._place.journal, self._last)
        except SimSongError as error:  # a later one will
            _log.warning("%s", error)

    def publish(self, goes_on: bool) -> bool:
        """Publish what changed; false where nothing did."""
        try:
            return self._published(goes_on)
        except StaleRunError:
            self._place.copy.save(generation=NO_GENERATION)
            raise

    def _published(self, goes_on: bool) -> bool:
        place, now = self._place, self._place.copy.look()
        if _hashes(self._before) == {path: seen.sha256 for path, seen in now.items()}:
            if goes_on:
                place.journal.check(self._last)
            return False
        place.journal.check(self._last)
        place.told.stage(f"writing to {place.store.name}")
        folder = folder_of(self._last)
        files = put_files(place.copy, now, self._before, folder, place.store, place.told.progress)
        self._last = place.journal.publish(self._last, files, goes_on)
        self._before = files
        place.copy.save(generation=self._last.number)
        return True


@contextmanager
def _at_the_end(act: Callable[[], None]) -> Iterator[None]:
    """Do it whatever happens before; an error from before is what is told."""
    try:
        yield
    except BaseException:
        try:
            act()
        except SimSongError as error:
            _log.warning("%s", error)
        raise
    act()


def _hashes(files: Files) -> dict[str, str]:
    return {path: held.sha256 for path, held in files.items()}
