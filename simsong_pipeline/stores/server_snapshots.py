"""Snapshots of a Qdrant server's collections: made there, fetched into a file, sent back to become a collection.

Over HTTP by hand, because the client reads whole answers into memory and these are as large as an index.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError
from qdrant_client import models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from simsong_pipeline.credentials import read_key
from simsong_pipeline.errors import StoreError
from simsong_pipeline.files import sha256_of_file, write_atomically

_LIST = TypeAdapter(list[models.SnapshotDescription])
_CONNECT_S = 30.0


class ServerSnapshots:
    """Makes, fetches and sends snapshots.

    Args:
        url: of the server; user and password in it are heeded.
        wait_s: how long one answer may take: a snapshot is written before it is told of.
        ask: calls what it is given, again where that may go well, and makes its errors a person's.
    """

    def __init__(self, url: str, wait_s: float, ask: Callable[..., Any]) -> None:
        self._url, self._wait_s, self._ask = url.rstrip("/"), wait_s, ask

    def nodes(self) -> int:
        """How many the server's cluster has, 1 where it is none: a snapshot holds what lies on one of them."""
        found = self._ask(self._result, "GET", "/cluster")
        peers = found.get("peers") if isinstance(found, dict) else None
        return max(1, len(peers)) if isinstance(peers, dict) else 1

    def fetch(self, collection: str, target: Path) -> str:
        """Make a snapshot, write it to a file, and delete it on the server; the SHA-256 of the file.

        Raises:
            StoreError: the server failed, or what came is not what it wrote.
            DiskFullError: there is no room for it here.
        """
        place, tries = _place(collection), 0
        before = {one.name for one in self._listed(place)}

        def made() -> models.SnapshotDescription:
            nonlocal tries
            tries += 1
            return models.SnapshotDescription.model_validate(self._result("POST", place))

        names: set[str] = set()
        try:
            one = self._ask(made)
            names.add(one.name)
            write_atomically(target, lambda handle: self._ask(self._download, f"{place}/{quote(one.name)}", handle))
        finally:
            if tries > 1:  # also what tries made whose answer was lost
                names |= {each.name for each in self._listed(place)} - before
            for name in names:
                self._ask(self._delete, f"{place}/{quote(name)}")
        found = sha256_of_file(target)
        if one.checksum is not None and one.checksum != found:
            target.unlink()
            raise StoreError(f"the snapshot of {collection!r} came damaged: its SHA-256 is not the server's")
        return found

    def send(self, collection: str, source: Path, sha256: str) -> None:
        """Make a collection of a snapshot; one of this name that is there holds what the snapshot does afterwards."""
        place, name = _place(collection), f"sent-{uuid.uuid4().hex}.snapshot"
        self._ask(self._upload, f"{place}/upload", source, name, sha256)
        # The server keeps what was sent beside the collection.
        if name in {one.name for one in self._listed(place)}:
            self._ask(self._delete, f"{place}/{name}")

    def _listed(self, place: str) -> list[models.SnapshotDescription]:
        found: list[models.SnapshotDescription] = self._ask(lambda: _LIST.validate_python(self._result("GET", place)))
        return found

    def _download(self, path: str, handle: Any) -> bool:
        handle.seek(0)
        handle.truncate()
        with self._client() as client, client.stream("GET", path) as answer:
            _refuse(answer)
            for block in answer.iter_bytes():
                handle.write(block)
        return True

    def _delete(self, path: str) -> bool:
        """Also one that is gone: by a try whose answer was lost."""
        try:
            self._result("DELETE", path)
        except UnexpectedResponse as error:
            if error.status_code != 404:
                raise
        return True

    def _upload(self, path: str, source: Path, name: str, sha256: str) -> bool:
        options = {"wait": "true", "priority": "snapshot", "checksum": sha256}
        with self._client() as client, source.open("rb") as handle:
            files = {"snapshot": (name, handle, "application/octet-stream")}
            _refuse(client.post(path, params=options, files=files))
        return True

    def _result(self, method: str, path: str) -> Any:
        with self._client() as client:
            answer = client.request(method, path)
            _refuse(answer)
            return answer.json()["result"]

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        key, wait = read_key("QDRANT_API_KEY"), httpx.Timeout(self._wait_s, connect=_CONNECT_S)
        try:
            with httpx.Client(base_url=self._url, headers={"api-key": key} if key else {}, timeout=wait) as client:
                yield client
        except (httpx.HTTPError, KeyError, TypeError, ValidationError) as error:
            raise ResponseHandlingException(error) from error


def _place(collection: str) -> str:
    return f"/collections/{quote(collection, safe='')}/snapshots"


def _refuse(answer: httpx.Response) -> None:
    if not answer.is_success:
        answer.read()
        raise UnexpectedResponse.for_response(answer)
