"""Snapshots of a server's collections that are dropped, kept as files: a server gives out none of what is gone."""

import glob
from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.locks import log_line
from simsong_pipeline.stores.server_snapshots import ServerSnapshots


@dataclass(frozen=True)
class KeptSnapshots:
    """A folder of them.

    Attributes:
        most: of one prefix; older ones are deleted.
        server: its address, for messages.
    """

    folder: Path
    most: int
    server: str

    def keep(self, snapshots: ServerSnapshots, name: str, prefix: str) -> bool:
        """Keep one of a collection; whether it may be dropped now. What fails is told, and is no reason to end."""
        try:
            if snapshots.nodes() > 1:
                log_line(f"no snapshot of {name!r} is kept: {self.server} is a cluster of several nodes")
                return True
            snapshots.fetch(name, self.folder / f"{name}.snapshot")
        except SimSongError as error:
            log_line(f"{name!r} stays at {self.server}, because no snapshot of it could be kept: {error}")
            return False
        kept = sorted(self.folder.glob(f"{glob.escape(prefix)}*.snapshot"), key=lambda path: path.stat().st_mtime_ns)
        for old in kept[: -self.most]:
            old.unlink()
        return True
