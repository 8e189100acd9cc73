"""A home as it was at one moment: its frames are read once and kept, and its model is one that no run replaces."""

import os
import shutil
from pathlib import Path

import polars as pl

from simsong_pipeline.config import Variant
from simsong_pipeline.home.workspace import Workspace

# Of lyrics only what questions are restricted by: the texts of a large catalogue do not fit into memory.
_NARROW = {"lyrics": ["track_id", "language"]}
# Follows the files of features, which a night replaces: read anew each time.
_LIVE = frozenset({"segment_features"})


class FrozenHome(Workspace):
    """Reads as the home does, and never writes.

    Args:
        home: the live one; what is not kept is read there.
        models: folder with copies of models.
    """

    def __init__(self, home: Path, models: Path) -> None:
        super().__init__(home)
        self._models = models
        self._frames: dict[str, pl.DataFrame | None] = {}

    def model(self, variant: Variant) -> Path:
        """Folder of the copy of a variant's model, else of the model itself."""
        copied = self._models / variant
        return copied if copied.is_dir() else super().model(variant)

    def keep(self, *names: str) -> None:
        """Read frames now, so that a later question gets those of now."""
        for name in names:
            self.read_if_there(name)

    def read_if_there(self, name: str) -> pl.DataFrame | None:
        """As it was when it was first asked for."""
        if name in _LIVE:
            return super().read_if_there(name)
        if name not in self._frames:
            self._frames[name] = self._read_narrow(name)
        return self._frames[name]

    def _read_narrow(self, name: str) -> pl.DataFrame | None:
        columns = _NARROW.get(name)
        if columns is None or not self.bucketed(name).is_there:
            return super().read_if_there(name)
        return self.bucketed(name).read(columns)


def copy_model(folder: Path, target: Path) -> None:
    """A second name for each file of a model, which is replaced and never written to; copies where there is none."""
    target.mkdir(parents=True)
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.is_file() and not file.name.endswith(".part"):
            try:
                os.link(file, target / file.name)
            except OSError:
                shutil.copyfile(file, target / file.name)
