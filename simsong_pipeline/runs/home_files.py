"""The files of a home, copied while nothing writes to them: what changed meanwhile is copied again."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from simsong_pipeline.errors import BusyError
from simsong_pipeline.file_copies import copy_file
from simsong_pipeline.files import flush_to_disk, sha256_of_file
from simsong_pipeline.runs.backup_manifest import HeldFile

# Locks and notes of who holds them, files that are being written, the copies that services answer from, and what is
# kept of collections that are no more.
_ENDS = (".lock", ".holder", ".part")
_LEFT_OUT = frozenset({"serving", "snapshots"})
# A worker (`simsong embed`) or a service may write beside a run; after so many looks they are too busy.
_LOOKS = 5
_States = dict[str, tuple[int, int, int]]


def is_empty(home: Path) -> bool:
    """Whether nothing of a home is there yet but its lock."""
    return not home.exists() or (home.is_dir() and all(p.name.endswith(_ENDS) for p in home.iterdir()))


def copy_files(home: Path, target: Path, progress: Callable[[int, int], None]) -> dict[str, HeldFile]:
    """Copy a home's files into a folder, all of one moment; size and hash of each, by its path.

    Raises:
        BusyError: something goes on writing to them.
        OSError: a file cannot be read or written.
    """
    held: dict[str, HeldFile] = {}
    copied: _States = {}
    for _ in range(_LOOKS):
        present = states(home)
        for gone in [path for path in copied if path not in present]:
            (target / gone).unlink()
            del held[gone], copied[gone]
        changed = [path for path, state in present.items() if copied.get(path) != state]
        if not changed:
            flush_folders(target)
            return held
        for done, path in enumerate(changed, 1):
            file = _copied(home / path, target / path)
            if file is not None:
                held[path], copied[path] = file, present[path]
            progress(done, len(changed))
    raise BusyError(f"the files of {home} go on changing: run again when no worker (`simsong embed`) is at work")


def copy_with_times(source: Path, target: Path) -> None:
    """A file's bytes and its time of change, by which the next night knows that it did not change; on the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    stat = os.stat(source)
    copy_file(source, target)
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    flush_to_disk(target)


def flush_folders(folder: Path) -> None:
    """Make the names in a folder, and in all below it, survive a power cut."""
    for below, _, _ in os.walk(folder):
        flush_to_disk(Path(below))


def states(home: Path) -> _States:
    """Time of change, size and number of each file that belongs to a home."""
    found: _States = {}
    for path in _walked(home, home):
        try:
            stat = os.stat(path)
        except FileNotFoundError:  # replaced meanwhile: the next look sees it
            continue
        found[path.relative_to(home).as_posix()] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return found


def room_of(home: Path) -> int:
    """Bytes that those files take up, in blocks: an engine's files are mostly holes, which copies have as well."""
    size = 0
    for path in _walked(home, home):
        with suppress(FileNotFoundError):  # replaced meanwhile
            size += 512 * os.stat(path).st_blocks
    return size


def _walked(folder: Path, home: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.endswith(_ENDS) or (folder == home and entry.name in _LEFT_OUT):
            continue
        if entry.is_dir():
            yield from _walked(Path(entry.path), home)
        elif entry.is_file():
            yield Path(entry.path)


def _copied(source: Path, target: Path) -> HeldFile | None:
    """Of the copy, which is the source's as it was read; null where the source changed meanwhile or is gone."""
    try:
        before = sha256_of_file(source)
        copy_with_times(source, target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
        return None
    after = HeldFile(size=target.stat().st_size, sha256=sha256_of_file(target))
    return after if after.sha256 == before else None
