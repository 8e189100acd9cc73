"""Which engine holds the index: a server where there is an address, else one of the two embedded ones."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, Self

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import MissingExtraError
from simsong_pipeline.points import Point, VectorStore
from simsong_pipeline.stores.address import server_url
from simsong_pipeline.stores.updating import Difference, StoreChange

# Beyond, the mode of qdrant-client, which compares with every song in Python, is no fun any more.
LOCAL_SONGS = 20_000


class ReadStore(VectorStore, Protocol):
    """What questions ask of an index."""

    @property
    def address(self) -> str: ...

    @property
    def embedded(self) -> bool: ...

    def __exit__(self, *_: object) -> None: ...

    def hashes(self, name: str) -> dict[str, tuple[Any, ...]]: ...

    def aliases(self) -> dict[str, str]: ...

    def count(self, name: str) -> int: ...


class Store(ReadStore, Protocol):
    """Everything that the pipeline asks of an index; each engine's class has the descriptions."""

    def __enter__(self) -> Self: ...

    def ping(self) -> int: ...

    def ensure_collection(self, name: str, audio_dim: int, lyric_dim: int, sound_dim: int | None = None) -> None: ...

    def update(self, name: str, points: Iterable[Point], keep_share: float = 0.5, **more: Any) -> StoreChange: ...

    def apply(self, name: str, difference: Difference, keep_share: float = 0.5, **more: Any) -> StoreChange: ...

    def upsert(self, name: str, points: Sequence[Point]) -> None: ...

    def delete(self, name: str, point_ids: Sequence[str]) -> None: ...

    def settle(self, name: str, songs: int) -> None: ...

    def point_aliases(self, targets: Mapping[str, str]) -> None: ...

    def drop_others(self, prefix: str, keep: Sequence[str]) -> list[str]: ...

    def collections(self) -> list[str]: ...


def open_store(config: StoreConfig, home: Path) -> Store:
    """The index of a home; close it after use.

    Raises:
        MissingExtraError: the engine is not installed.
        BusyError: its folder is in use, also after `config.wait_s`.
    """
    if server_url(config) is not None or config.engine == "local":
        # Imported here, as the other one below: what is not asked for need not be loaded, and this takes a second.
        from simsong_pipeline.stores.qdrant_store import QdrantStore

        return QdrantStore(config, home / "qdrant")
    if find_spec("qdrant_edge") is None:
        raise MissingExtraError("the embedded engine is not installed", "edge")
    from simsong_pipeline.stores.edge_store import EdgeStore

    return EdgeStore(config, home / "edge")
