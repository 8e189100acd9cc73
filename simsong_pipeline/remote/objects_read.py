"""Objects that are read where they lie: what a listing says of them, and one at a time as a local file."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem

from simsong_pipeline.errors import UNREAD, AudioError, RawDataError
from simsong_pipeline.files import sha256_of
from simsong_pipeline.remote.address import is_url, shown, suffix_of
from simsong_pipeline.remote.store import in_one_line, open_address

State = tuple[int, int]
MISSING: State = (-1, -1)
# The store did not say: it is asked for the object itself, whose reason is then told.
UNKNOWN: State = (0, -1)
_AT_ONCE = 8
# Of fewer objects in a folder each is asked for.
_WORTH_LISTING = 4
_CHANGED = ("mtime", "LastModified", "last_modified", "updated", "created", "modified")
_HASHES = ("ETag", "etag", "md5Hash", "content_md5", "crc32c")


def refuse_credentials(url: str) -> None:
    """Raw data's addresses are remembered in frames and settings, where no password belongs.

    Raises:
        RawDataError: there is one.
    """
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise RawDataError(
            f"{shown(url)}: an address of raw data holds no user or password; give them by the environment"
        )


def states_of(urls: Sequence[str]) -> dict[str, State]:
    """Size and time of change of each object; in place of the time a number of its hash, where the store has one.

    Raises:
        RawDataError: a kind of address that is not known, or whose package is not installed.
    """
    folders: dict[str, list[str]] = {}
    for url in urls:
        folders.setdefault(url.rpartition("/")[0], []).append(url)
    opened = {folder: open_address(some[0])[0] for folder, some in folders.items()}
    found: dict[str, State] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for states in pool.map(lambda folder: _folder_states(opened[folder], folder, folders[folder]), folders):
            found |= states
    return found


def listed_below(url: str) -> dict[str, State]:
    """All objects below an address, by their own addresses.

    Raises:
        RawDataError: the store does not answer, or such an address is not known.
    """
    files, path = open_address(url)
    with in_one_line(lambda said: RawDataError(f"{shown(url)} cannot be listed ({said})")):
        files.invalidate_cache()
        found = files.find(path, detail=True)
    return {f"{url.rstrip('/')}/{_below(name, path)}": _state(about) for name, about in found.items()}


@contextmanager
def on_disk(place: str) -> Iterator[Path]:
    """A recording as a local file; that of an address is fetched, and deleted afterwards.

    Raises:
        AudioError: it cannot be fetched, which the next run may be able to.
    """
    if not is_url(place):
        yield Path(place)
        return
    handle, name = tempfile.mkstemp(suffix=suffix_of(place), prefix="simsong-")
    os.close(handle)
    path = Path(name)
    try:
        with in_one_line(lambda said: AudioError(f"{UNREAD} ({said})")):
            _get(place, path)
        yield path
    except AudioError as error:  # whose words may hold the name that it has here
        raise AudioError(str(error).replace(name, shown(place))) from error
    finally:
        path.unlink(missing_ok=True)


def content_of(url: str, limit: int) -> bytes:
    """The bytes of a small object.

    Raises:
        FileNotFoundError: it is not there.
        RawDataError: it cannot be read.
        ValueError: it has more than `limit` bytes.
    """
    files, path = open_address(url)
    told = in_one_line(lambda said: RawDataError(f"{shown(url)} cannot be read ({said})"), but=FileNotFoundError)
    with told, files.open(path, "rb") as handle:
        content = bytes(handle.read(limit + 1))
    if len(content) > limit:
        raise ValueError(f"larger than {limit >> 20} MB, which no file of its kind is")
    return content


def fetch_object(url: str, to: Path) -> None:
    """Copy an object of raw data into a local file.

    Raises:
        RawDataError: it cannot be read.
    """
    with in_one_line(lambda said: RawDataError(f"{shown(url)} cannot be read ({said}): run again when it can")):
        _get(url, to)


def _get(url: str, to: Path) -> None:
    files, path = open_address(url)
    files.get_file(path, str(to))


def _folder_states(files: AbstractFileSystem, folder: str, urls: list[str]) -> dict[str, State]:
    if len(urls) < _WORTH_LISTING or folder.startswith("http"):  # whose listings are pages for people
        return {url: _asked(files, url) for url in urls}
    try:
        files.invalidate_cache()
        listed = files.ls(files._strip_protocol(folder), detail=True)
    except FileNotFoundError:
        return dict.fromkeys(urls, MISSING)
    except Exception:  # noqa: BLE001 - whatever it is, it is met again, and told, where the object is fetched
        return dict.fromkeys(urls, UNKNOWN)
    states = {str(about["name"]).rpartition("/")[2]: _state(about) for about in listed if about["type"] == "file"}
    return {url: states.get(url.rpartition("/")[2], MISSING) for url in urls}


def _asked(files: AbstractFileSystem, url: str) -> State:
    try:
        about = files.info(files._strip_protocol(url))
    except FileNotFoundError:
        return MISSING
    except Exception:  # noqa: BLE001 - as above
        return UNKNOWN
    return _state(about) if about["type"] == "file" else MISSING


def _state(about: dict[str, Any]) -> State:
    size, digest = about.get("size"), next((about[name] for name in _HASHES if about.get(name)), None)
    if digest is not None:
        changed = int(sha256_of(str(digest))[:15], 16)
    else:
        changed = next((_ns(about[name]) for name in _CHANGED if about.get(name) is not None), 0)
    return (1 if size is None else int(size)), changed


def _ns(when: object) -> int:
    if isinstance(when, datetime):
        return int(when.timestamp() * 1_000_000) * 1_000
    if isinstance(when, (int, float)):
        return int(when * 1_000_000) * 1_000
    return int(sha256_of(str(when))[:15], 16)


def _below(name: str, folder: str) -> str:
    return name.lstrip("/").removeprefix(folder.strip("/")).lstrip("/")
