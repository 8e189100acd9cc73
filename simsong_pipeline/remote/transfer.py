"""Makes a local copy equal to a generation, and puts what changed in it into objects. Several files at a time."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

from simsong_pipeline.errors import StoreError
from simsong_pipeline.files import disk_room, sha256_of_file
from simsong_pipeline.remote.generations import Files, Held
from simsong_pipeline.remote.local_copy import LocalCopy, Seen
from simsong_pipeline.remote.store import ObjectStore

Progress = Callable[[int, int], None]
_AT_ONCE = 8
Item = TypeVar("Item")


class GoneError(StoreError):
    """An object that a generation names is not in the store."""


def make_equal(
    copy: LocalCopy, files: Files, store: ObjectStore, siblings: Iterable[LocalCopy], progress: Progress
) -> int:
    """Fetch what is other than in `files`, delete what is not among them; how many files were fetched.

    Args:
        siblings: further local copies of the same home, which may have what is missing.

    Raises:
        GoneError: an object is not there.
        StoreError: it does not hold what it should.
    """
    here = copy.look()
    for path in here.keys() - files.keys():
        copy.remove(path)
    wanted = {path: held for path, held in files.items() if path not in here or here[path].sha256 != held.sha256}
    nearby = _nearby(siblings, {held.sha256 for held in wanted.values()})
    fetch_files(wanted, copy.home, store, nearby, progress)
    for path, held in files.items():
        if path in here and path not in wanted and here[path].modified_ns != held.modified_ns:
            os.utime(copy.home / path, ns=(held.modified_ns, held.modified_ns))
    copy.look()
    return len(wanted)


def fetch_files(wanted: Files, into: Path, store: ObjectStore, nearby: dict[str, Path], progress: Progress) -> None:
    """Put these files below a folder; each appears whole, and as it was written.

    Args:
        nearby: local files by their hashes, which need not be fetched.
    """
    alike: dict[str, list[tuple[Path, Held]]] = {}
    for path, held in wanted.items():
        alike.setdefault(held.sha256, []).append((into / path, held))

    def fetched(files: list[tuple[Path, Held]]) -> None:
        near = nearby.get(files[0][1].sha256)
        for path, held in files:
            _fetch(held, path, store, near)
            near = path

    _each(fetched, alike.values(), progress)


def put_files(
    copy: LocalCopy, now: dict[str, Seen], known: Files, folder: str, store: ObjectStore, progress: Progress
) -> Files:
    """The files as a generation has them; those whose bytes no object of `known` holds are put below `folder`."""
    held_by = {held.sha256: held.object for held in known.values()}
    new = {seen.sha256: path for path, seen in now.items() if seen.sha256 not in held_by}
    names = {sha256: f"{folder}{sha256}" for sha256 in new}
    _each(lambda sha256: store.put(copy.home / new[sha256], names[sha256]), new, progress)
    objects = held_by | names
    return {path: Held(s.size, s.modified_ns, s.sha256, objects[s.sha256]) for path, s in now.items()}


def _each(act: Callable[[Item], None], items: Iterable[Item], progress: Progress) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = [pool.submit(act, item) for item in items]
        try:
            for number, done in enumerate(as_completed(running), 1):
                done.result()
                progress(number, len(running))
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch(held: Held, to: Path, store: ObjectStore, near: Path | None) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = to.with_name(f".{to.name[:100]}.{uuid.uuid4().hex}.part")
    try:
        with disk_room(to):
            if near is None or not _copied(near, temporary, held.sha256):
                _download(held, temporary, store)
        os.utime(temporary, ns=(held.modified_ns, held.modified_ns))
        os.replace(temporary, to)
    finally:
        temporary.unlink(missing_ok=True)


def _download(held: Held, temporary: Path, store: ObjectStore) -> None:
    if not store.fetch(held.object, temporary):
        raise GoneError(f"{store.name}/{held.object} is not there: restore it from the store's versions or a backup")
    if temporary.stat().st_size != held.size or sha256_of_file(temporary) != held.sha256:
        raise StoreError(
            f"{store.name}/{held.object} is damaged (its bytes changed): restore it from the store's versions or a "
            "backup"
        )


def _copied(near: Path, temporary: Path, sha256: str) -> bool:
    """Whether a file of another local copy could be taken; it may change meanwhile."""
    try:
        shutil.copyfile(near, temporary)
    except FileNotFoundError:
        return False
    return sha256_of_file(temporary) == sha256


def _nearby(siblings: Iterable[LocalCopy], hashes: set[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for sibling in siblings:
        for path, seen in sibling.state.seen.items():
            if seen.sha256 in hashes and sibling.as_seen(path) is not None:
                found[seen.sha256] = sibling.home / path
    return found


def digest_of(files: Files) -> str:
    """Hash of paths and bytes."""
    lines = sorted(f"{path}\0{held.sha256}\n" for path, held in files.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
