"""A home in an object store, worked on in a local copy: opened as one generation, published as the next.

Everything below a home's folder is written and mapped by libraries that know files alone; so the copy is where work is
done, and the store is where it counts.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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


@contextmanager
def opened(url: str, use: Use, wait_s: float, told: Telling, dead_s: float = DEAD_S) -> Iterator[LocalCopy]:
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
        if use == "reading":
            _read(copy, url, store, journal, told)
            yield copy
        elif use == "working":
            with _worked_on(copy, url, store, journal, told):
                yield copy
        else:
            begun = journal.begin(wait_s)
            with signs_of_life(store, begun, dead_s), _written(copy, url, store, journal, begun, told):
                yield copy


def _read(copy: LocalCopy, url: str, store: ObjectStore, journal: Journal, told: Telling) -> None:
    for is_last in (False, True):
        generation = journal.generation()
        files = {path: held for path, held in generation.files.items() if not path.startswith(_NOT_READ)}
        try:
            _fetch(copy, url, replace(generation, files=files), store, told)
            return
        except GoneError:  # swept while it was fetched, if there is a later one
            if is_last or journal.generation().number == generation.number:
                raise


@contextmanager
def _worked_on(copy: LocalCopy, url: str, store: ObjectStore, journal: Journal, told: Telling) -> Iterator[None]:
    generation = journal.generation()
    _open(copy, url, generation, store, told)
    copy.save(is_ahead=True)
    before = _hashes(generation.files | take_parts(copy, store, told.progress).files)

    def put() -> None:
        told.stage(f"writing what was heard to {store.name}")
        told.note(f"{put_part(copy, before, store, told.progress)} buckets written")

    with _at_the_end(put):
        yield


@contextmanager
def _written(
    copy: LocalCopy, url: str, store: ObjectStore, journal: Journal, begun: Entry, told: Telling
) -> Iterator[None]:
    try:
        generation = journal.generation()
        _open(copy, url, generation, store, told)
        copy.save(is_ahead=True)
        parts = take_parts(copy, store, told.progress).parts
    except BaseException:
        journal.end(begun)
        raise
    if parts:
        told.note(f"{len(parts)} parts of workers taken over")

    def publish() -> None:
        try:
            _publish(copy, generation, store, journal, begun, told)
        except StaleRunError:
            copy.save(generation=NO_GENERATION)
            raise
        forget_parts(store, parts)

    with _at_the_end(publish):
        yield


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


def _publish(copy: LocalCopy, before: Entry, store: ObjectStore, journal: Journal, begun: Entry, told: Telling) -> None:
    now = copy.look()
    if _hashes(before.files) == {path: seen.sha256 for path, seen in now.items()}:
        journal.end(begun)
        copy.save(is_ahead=False)
        return
    journal.check(begun)
    told.stage(f"writing to {store.name}")
    files = put_files(copy, now, before.files, folder_of(begun), store, told.progress)
    entry = journal.publish(begun, files)
    copy.save(generation=entry.number, is_ahead=False)
    try:
        sweep(store, journal, begun)
    except SimSongError as error:  # a later one will
        _log.warning("%s", error)


def _open(copy: LocalCopy, url: str, generation: Entry, store: ObjectStore, told: Telling) -> None:
    """Make the copy the generation, unless it is that with what a killed command of this copy did since."""
    if not (copy.state.is_ahead and copy.state.generation == generation.number):
        _fetch(copy, url, generation, store, told)


def _fetch(copy: LocalCopy, url: str, generation: Entry, store: ObjectStore, told: Telling) -> None:
    copy.save(generation=NO_GENERATION, is_ahead=False)
    folder = copies_folder(url)
    others = [folder / name for name in ("reading", "writing") if (folder / name / "state.json").is_file()]
    siblings = [LocalCopy(other) for other in others if other != copy.folder]
    told.stage(f"opening {store.name}")
    make_equal(copy, generation.files, store, siblings, told.progress)
    copy.save(generation=generation.number)


def _hashes(files: Files) -> dict[str, str]:
    return {path: held.sha256 for path, held in files.items()}
