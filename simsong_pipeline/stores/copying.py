"""A copy of what an embedded index serves, taken while nobody writes to it and opened apart from it.

So whoever answers for hours does not hold the index, of which one process at a time is let in.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import RawDataError, StoreError
from simsong_pipeline.file_copies import copy_folder
from simsong_pipeline.files import read_json_object, write_json
from simsong_pipeline.locks import ONE_AT_A_TIME, NotedLock
from simsong_pipeline.stores.address import server_url
from simsong_pipeline.stores.room import ask_for_room, size_on_disk

# A disk that fills up under a mapped index kills the process.
_FREE_BYTES = 300_000_000


class EmbeddedIndex:
    """The files of a home's embedded index, by whichever engine.

    Attributes:
        aliases_file: another file, or of another time, as soon as an alias moves.
    """

    def __init__(self, config: StoreConfig, home: Path) -> None:
        is_edge = config.engine == "edge"
        self._config, self._folder = config, home / ("edge" if is_edge else "qdrant")
        self._is_edge = is_edge
        self.aliases_file = self._folder / ("CURRENT" if is_edge else "meta.json")

    @property
    def is_there(self) -> bool:
        """Whether anything was indexed."""
        return self._folder.is_dir()

    @contextmanager
    def held(self, wait_s: float) -> Iterator[None]:
        """Nobody writes to it while the block lasts.

        Raises:
            BusyError: another process holds it, also after so many seconds.
            RawDataError: there is no index.
        """
        if not self.is_there:
            raise RawDataError(f"nothing is indexed yet in {self._folder}: run `simsong run` first")
        lock = self._folder / (".lock" if self._is_edge else ".simsong.lock")
        with NotedLock(lock, f"Qdrant in {self._folder}", ONE_AT_A_TIME).held(wait_s):
            yield

    def served(self) -> str:
        """The collection behind the alias that serves; call while it is `held`.

        Raises:
            RawDataError: nothing is indexed.
            StoreError: the list of aliases is damaged.
        """
        aliases = self._content() if self._is_edge else self._content().get("aliases", {})
        served = aliases.get(self._config.collection)
        if not isinstance(served, str):
            raise RawDataError(f"nothing is indexed yet in {self._folder}: run `simsong run` first")
        return served

    def copy_to(self, home: Path) -> None:
        """Copy the served collection into another home's index; call while it is `held`.

        Raises:
            DiskFullError: there is not room enough.
        """
        served, into = self.served(), home / self._folder.name
        source = self._folder / served if self._is_edge else self._folder / "collection" / served
        into.mkdir(parents=True)
        ask_for_room(into, _FREE_BYTES + size_on_disk(source))
        copy_folder(source, into / source.relative_to(self._folder))
        write_json(into / self.aliases_file.name, self._only(served))
        if self._is_edge:
            _search_by_one_thread(into / served / "edge_config.json")

    def _only(self, served: str) -> dict[str, object]:
        """The list of aliases, and of collections where it is one, with nothing in it but the served one."""
        aliases = {self._config.collection: served}
        if self._is_edge:
            return dict(aliases)
        collections = self._content().get("collections", {})
        return {"collections": {served: collections[served]}, "aliases": aliases}

    def _content(self) -> dict[str, Any]:
        if not self.aliases_file.is_file():
            return {}
        try:
            return read_json_object(self.aliases_file)
        except ValueError as error:
            raise StoreError(f"{self.aliases_file} is damaged: delete it and run `simsong run`") from error


def _search_by_one_thread(settings: Path) -> None:
    """Many questions to a copy come at once: a search that several threads share takes twice the processor time."""
    if settings.is_file():
        write_json(settings, read_json_object(settings) | {"max_search_threads": 1})


def embedded_index(config: StoreConfig, home: Path) -> EmbeddedIndex | None:
    """The index below a home; null where a server has it."""
    return None if server_url(config) is not None else EmbeddedIndex(config, home)
