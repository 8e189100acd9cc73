"""The way to Qdrant, embedded in a folder or a server at an address, and what its failures are told as.

The address comes from the configuration or `QDRANT_URL`, the key from `QDRANT_API_KEY` alone; the key is
handed to the client and kept nowhere else.
"""

import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from json import JSONDecodeError
from pathlib import Path
from typing import ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.credentials import read_key
from simsong_pipeline.errors import BusyError, SimSongError, StoreError, first_line
from simsong_pipeline.files import disk_room
from simsong_pipeline.locks import ONE_AT_A_TIME, NotedLock, in_words, log_line
from simsong_pipeline.redaction import cause, without_credentials, without_secrets
from simsong_pipeline.stores.address import server_url
from simsong_pipeline.stores.room import ask_for_room
from simsong_pipeline.stores.trying_again import ask

# The embedded mode writes its list of collections anew in place.
_FREE_BYTES = 20_000_000
P = ParamSpec("P")
T = TypeVar("T")


class TooLargeError(StoreError):
    """What was sent at once is more than a server, or a proxy before it, takes."""


class QdrantConnection:
    """A client of Qdrant. Use as a context manager; the embedded folder serves one process at a time.

    Raises:
        StoreError: from every method, when Qdrant refuses or does not answer, naming its address.
    """

    def __init__(self, config: StoreConfig, folder: Path) -> None:
        url = server_url(config)
        self._config, self._folder = config, folder
        self.embedded = url is None
        self._url = url
        self.address = f"embedded in {folder}" if url is None else without_credentials(url)
        self._lock = NotedLock(folder / ".simsong.lock", f"Qdrant {self.address}", ONE_AT_A_TIME)
        if url is not None:
            with self._errors():
                self._client = _connect(url, config)
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._lock.acquire(config.wait_s)
        try:
            self._client = self._opened()
        except BaseException:
            self._lock.release()
            raise

    def _opened(self) -> QdrantClient:
        """The embedded mode, which reads everything; what it trips over is a damaged file."""
        ends = time.monotonic() + self._config.wait_s
        while True:
            try:
                with disk_room(self._folder):
                    return QdrantClient(path=str(self._folder))
            except (SimSongError, PermissionError):
                raise
            except Exception as error:
                if "already accessed" not in str(error):
                    raise self._damaged(error) from error
                # By another program: this one's own processes hold the lock.
                if time.monotonic() > ends:
                    waited = in_words(self._config.wait_s)
                    raise BusyError(
                        f"Qdrant {self.address} is in use by another program, also after {waited}: {ONE_AT_A_TIME}"
                    ) from error
                time.sleep(min(0.2, self._config.wait_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._client.close()
        finally:
            if self._lock.is_held:
                self._lock.release()

    def _ask(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What the client answers; a busy server is asked again."""
        question = partial(call, *arguments, **named)
        with self._errors():
            if self.embedded:
                with disk_room(self._folder):
                    return question()
            return _something(ask(self.address, question, self._config.retry_s, log_line))

    def _ask_for_room(self, size: int) -> None:
        if self.embedded:
            ask_for_room(self._folder, _FREE_BYTES + size)

    def _damaged(self, error: Exception) -> StoreError:
        return StoreError(
            f"the index in {self._folder} is damaged ({type(error).__name__}: {first_line(error)}): delete that folder "
            "and run `simsong run`, which writes it anew from the vectors"
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the client's errors into one line that names the address; never the key, also not as their cause."""
        try:
            yield
        except SimSongError:
            raise
        except UnexpectedResponse as error:
            if error.status_code == 413:
                raise TooLargeError(
                    f"Qdrant at {self.address} refused: 413, more than it takes at once: raise its max_request_size_mb"
                ) from cause(error)
            hint = ": check QDRANT_API_KEY" if error.status_code in (401, 403) else ""
            raise StoreError(
                f"Qdrant at {self.address} refused: {error.status_code} {error.reason_phrase}{hint}"
            ) from cause(error)
        except ResponseHandlingException as error:
            if not isinstance(error.source, httpx.HTTPError):
                raise self._no_answer(error) from cause(error)
            raise self._silent(error) from cause(error)
        except (ApiException, QdrantException, ConnectionError, OSError) as error:
            raise self._silent(error) from cause(error)
        except (ValueError, KeyError, sqlite3.Error) as error:
            if not self.embedded and isinstance(error, JSONDecodeError | UnicodeDecodeError | ValidationError):
                raise self._no_answer(error) from cause(error)
            # A collection that is not there, an address that is none, a damaged file of the embedded folder.
            raise StoreError(f"Qdrant {self.address}: {first_line(error)}") from cause(error)
        except Exception as error:  # noqa: BLE001 (a server or a file may make the client raise anything)
            if type(error).__module__.split(".")[0] == "grpc":
                raise StoreError(
                    f"Qdrant at {self.address} refused or does not answer over gRPC ({_grpc(error)})"
                ) from cause(error)
            raise (self._damaged(error) if self.embedded else self._no_answer(error)) from cause(error)

    def _silent(self, error: Exception) -> StoreError:
        return StoreError(f"Qdrant at {self.address} does not answer ({first_line(error)})")

    def _no_answer(self, error: Exception) -> StoreError:
        said = type(getattr(error, "source", error)).__name__
        return StoreError(f"what answers at {self.address} is no Qdrant ({said}): check the address")


def _something(answer: T) -> T:
    """An answer; null is what the client makes of an empty object."""
    if answer is None:
        raise TypeError("an empty answer")
    return answer


def _connect(url: str, config: StoreConfig) -> QdrantClient:
    parts = urlsplit(url)
    if re.search(r"[\s\x00-\x1f\x7f]", url) or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no address of a server, as http://host:6333 is")
    try:
        _ = parts.port
    except ValueError:  # whose text quotes what stands there, which may be the end of a password
        raise ValueError("no address of a server, as http://host:6333 is: its port is no number") from None
    with warnings.catch_warnings():
        # A key over plain http is the operator's decision, on a private network say; `doctor` mentions it.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return QdrantClient(
            url=url,
            api_key=read_key("QDRANT_API_KEY"),
            prefer_grpc=config.grpc,
            timeout=config.timeout_s,
            check_compatibility=False,
        )


def _grpc(error: BaseException) -> str:
    details = getattr(error, "details", None)
    return without_secrets(str(details())) if callable(details) else first_line(error)
