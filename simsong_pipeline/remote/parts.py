"""What a worker (`simsong embed`) heard of some buckets, beside the home until the next run takes it over.

Workers take no number and change no generation, so that many may work at once. A part holds files of whole buckets, and
says what each bucket was when the worker opened the home: it is taken over only where that is what it is still.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.remote.generations import Files, parsed_files
from simsong_pipeline.remote.local_copy import LocalCopy
from simsong_pipeline.remote.store import ObjectStore
from simsong_pipeline.remote.transfer import Progress, digest_of, fetch_files, put_files

# What was heard, and vectors that are in no frame yet: both a table a bucket, with what belongs to it.
_OF_WORKERS = ("features/", "ready/")
_FOLDER = "parts"
_KEPT = timedelta(days=30)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """A worker's buckets.

    Attributes:
        name: of the object that describes it.
        at: when it was put there, in UTC.
        before: hash of each bucket's table when the worker opened the home, by its path; empty where there was none.
        files: of the buckets, as they are now.
    """

    name: str
    at: str
    before: dict[str, str]
    files: Files


_BEFORE = TypeAdapter(dict[str, str])


def put_part(copy: LocalCopy, before: Mapping[str, str], store: ObjectStore, progress: Progress) -> int:
    """Put the buckets that changed into a part; how many these are.

    Args:
        before: hashes of the home's files with those of the parts that were taken, by path.
    """
    now = {path: seen for path, seen in copy.look().items() if _is_of_worker(path)}
    changed = {_table(path) for path, seen in now.items() if before.get(path) != seen.sha256}
    own = {path: seen for path, seen in now.items() if _table(path) in changed}
    if not own:
        return 0
    files = put_files(copy, own, {}, f"{_FOLDER}/objects/", store, progress)
    content = {
        "at": datetime.now(UTC).isoformat(),
        "before": {table: before.get(table, "") for table in changed},
        "files": {path: asdict(held) for path, held in files.items()},
    }
    store.write(f"{_FOLDER}/{digest_of(files)}.json", json.dumps(content, sort_keys=True).encode())
    return len(changed)


@dataclass(frozen=True)
class Taken:
    """Parts that were there, which are done with once what was taken of them is published; and what that is."""

    parts: list[Part]
    files: Files


def take_parts(copy: LocalCopy, store: ObjectStore, progress: Progress) -> Taken:
    """Put into the local copy what fits to it; a part may go on from another one."""
    parts, taken = list(_parts(store)), Files()
    waiting = parts
    while waiting:
        here = {path: seen.sha256 for path, seen in copy.look().items()}
        left = []
        for part in waiting:
            fits = {t for t, before in part.before.items() if here.get(t, "") == before and t in part.files}
            there = {t for t in part.before if t in part.files and here.get(t) == part.files[t].sha256}
            files = {path: held for path, held in part.files.items() if _table(path) in fits | there}
            _fetch_buckets(copy, {path: h for path, h in files.items() if _table(path) in fits}, fits, store, progress)
            here |= {path: held.sha256 for path, held in files.items()}
            taken |= files
            left += [] if fits | there == part.before.keys() else [part]
        waiting = left if len(left) < len(waiting) else []
    return Taken(parts, taken)


def _fetch_buckets(copy: LocalCopy, files: Files, tables: set[str], store: ObjectStore, progress: Progress) -> None:
    """A bucket's table names its other files, so it comes last."""
    fetch_files({p: held for p, held in files.items() if p not in tables}, copy.home, store, {}, progress)
    fetch_files({p: held for p, held in files.items() if p in tables}, copy.home, store, {}, progress)


def forget_parts(store: ObjectStore, parts: list[Part]) -> None:
    """Delete parts, and what no other part holds."""
    gone = {part.name for part in parts}
    for name in gone:
        store.remove(name)
    still = {held.object for part in _parts(store) for held in part.files.values()}
    for name in {held.object for part in parts for held in part.files.values()} - still:
        store.remove(name)


def forget_old_parts(store: ObjectStore, now: datetime) -> None:
    """Delete parts that no run took over."""
    forget_parts(store, [part for part in _parts(store) if datetime.fromisoformat(part.at) < now - _KEPT])


def _parts(store: ObjectStore) -> Iterator[Part]:
    for name in store.names(_FOLDER):
        data = store.read(name) if name.count("/") == 1 and name.endswith(".json") else None
        if data is None:
            continue
        try:
            content = json.loads(data)
            yield Part(name, content["at"], _BEFORE.validate_python(content["before"]), parsed_files(content["files"]))
        except (ValueError, KeyError, TypeError, ValidationError):
            # What it holds is heard anew.
            _log.warning("%s/%s is damaged and left alone: delete it", store.name, name)


def _is_of_worker(path: str) -> bool:
    return path.startswith(_OF_WORKERS) and path.rpartition("/")[2].startswith("bucket-")


def _table(path: str) -> str:
    """The table of a file's bucket: `features/bucket-07.parquet` of `features/bucket-07-<hash>.f16`."""
    folder, _, name = path.rpartition("/")
    bucket = name.partition(".")[0]
    return f"{folder}/{bucket.rpartition('-')[0] if name.endswith('.f16') else bucket}.parquet"
