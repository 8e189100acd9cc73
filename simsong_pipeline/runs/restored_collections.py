"""Collections of a server out of a backup: no alias leads to one that is not whole, at any moment."""

from collections.abc import Callable
from pathlib import Path

from simsong_pipeline.errors import StoreError
from simsong_pipeline.runs.backup import state_of
from simsong_pipeline.runs.backup_manifest import INDEX, Backup, HeldCollection
from simsong_pipeline.stores.qdrant_store import QdrantStore


def put_collections(
    store: QdrantStore, backup: Backup, folder: Path, replaces: bool, forget: Callable[[str], None]
) -> None:
    """Bring a server to a backup's collections and aliases; what is there in that state already is left alone.

    Args:
        folder: of the snapshots, whose hashes were compared.
        replaces: collections of the same names and other songs, and aliases that lead elsewhere, make room.
        forget: called with the name of a collection before its songs are replaced.

    Raises:
        StoreError: something is in the way, or the server failed; its aliases are as they were then.
    """
    present = set(store.collections())
    others = [n for n, held in backup.collections.items() if n in present and state_of(store, n) != held.state]
    _refuse_others(store, backup, others, replaces)
    for name, held in backup.collections.items():
        source, sha256 = folder / f"{name}.snapshot", backup.files[f"{INDEX}/{name}.snapshot"].sha256
        if name in others:
            forget(name)
            _put_in_place(store, name, held, source, sha256)
        elif name not in present:
            _put(store, name, held, source, sha256)
    store.point_aliases(backup.aliases)
    for left in {_beside(name) for name in backup.collections} & set(store.collections()):
        store.drop(left)


def _refuse_others(store: QdrantStore, backup: Backup, others: list[str], replaces: bool) -> None:
    aliases = store.aliases()
    elsewhere = [a for a, name in backup.aliases.items() if aliases.get(a, name) not in (name, _beside(name))]
    if replaces or not (others or elsewhere):
        return
    what = f"holds other songs in {others[0]!r}" if others else f"serves {aliases[elsewhere[0]]!r} as {elsewhere[0]!r}"
    raise StoreError(f"{store.address} {what}: --replace them, or name another server. Nothing was changed")


def _put(store: QdrantStore, name: str, held: HeldCollection, source: Path, sha256: str) -> None:
    store.snapshots().send(name, source, sha256)
    store.settle(name, held.songs)
    if state_of(store, name) != held.state:
        raise StoreError(f"{name!r} at {store.address} is not what was backed up: delete it there, and restore again")


def _put_in_place(store: QdrantStore, name: str, held: HeldCollection, source: Path, sha256: str) -> None:
    """Of a name that may be served: a second one serves while the first is made anew."""
    beside = _beside(name)
    if beside not in store.collections() or state_of(store, beside) != held.state:
        _put(store, beside, held, source, sha256)
    leading = [alias for alias, served in store.aliases().items() if served == name]
    store.point_aliases(dict.fromkeys(leading, beside))
    store.drop(name)
    _put(store, name, held, source, sha256)
    now = [alias for alias, served in store.aliases().items() if served == beside]
    store.point_aliases(dict.fromkeys(now, name))


def _beside(name: str) -> str:
    return f"{name}_restored"
