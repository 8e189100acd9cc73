"""A manifest of recordings with who made them, of which kind they are and where they come from; and what is asked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.evaluation.task import NO_LABEL, Candidates, Task, asked_task

_COLUMNS = ("path", "artist", "genre", "source")


@dataclass(frozen=True)
class Collection:
    """Recordings in the manifest's order; of what the manifest does not say, empty strings.

    Attributes:
        artist, genre, source: [n] strings.
    """

    paths: list[Path]
    artist: NDArray[np.str_]
    genre: NDArray[np.str_]
    source: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.paths)

    def only(self, rows: NDArray[np.int64]) -> "Collection":
        """Some of the recordings."""
        return Collection([self.paths[n] for n in rows], self.artist[rows], self.genre[rows], self.source[rows])

    def tasks(self) -> dict[str, Task]:
        """What can be asked of these recordings.

        `artist` and `genre`: of all others; `genre, other artists`: the query's artist is left out; and each `within
        one source`, for recordings of one source sound alike, and an answer must not be right for that reason alone.
        """
        everything = np.arange(len(self))
        sources = _numbers(self.source)
        asked = {
            "artist": (_same(self.artist), None),
            "genre": (_same(self.genre), None),
            "genre, other artists": (_same(self.genre), np.unique(self.artist, return_inverse=True)[1]),
        }
        tasks = {}
        for name, (relevant, unlike) in asked.items():
            for protocol, like in ((name, None), (f"{name}, within one source", sources)):
                candidates = Candidates(len(self), unlike, like)
                among = candidates.of(everything)
                # A query all of whose candidates are right is answered by any method.
                answerable = (among & ~relevant).any(axis=1, keepdims=True)
                wanted = relevant & among & answerable
                if wanted.any():
                    tasks[protocol] = asked_task(wanted, candidates)
        return tasks


def _numbers(labels: NDArray[np.str_]) -> NDArray[np.int64]:
    """[n] a number for each label, none for an empty one."""
    return np.where(labels == "", NO_LABEL, np.unique(labels, return_inverse=True)[1])


def _same(labels: NDArray[np.str_]) -> NDArray[np.bool_]:
    """[n, n] true where both have the same label and have one at all."""
    same: NDArray[np.bool_] = (labels[:, None] == labels[None]) & (labels != "")[None]
    return same


def read_collection(manifest: Path) -> Collection:
    """Read a CSV with the columns path and artist, and perhaps genre and source.

    A path is taken from the manifest's folder or, where no file lies there, from the folder above it.

    Raises:
        RawDataError: a column or a recording is missing.
    """
    try:
        table = pl.read_csv(manifest, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RawDataError(f"manifest {manifest} cannot be read: {error}") from error
    missing = {"path", "artist"} - set(table.columns)
    if missing:
        raise RawDataError(f"manifest {manifest} has no column {sorted(missing)[0]!r}")
    table = table.with_columns(pl.lit("").alias(c) for c in _COLUMNS if c not in table.columns).fill_null("")
    artist, genre, source = (table[c].to_numpy().astype(str) for c in _COLUMNS[1:])
    return Collection([_located(manifest, p) for p in table["path"]], artist, genre, source)


def _located(manifest: Path, path: str) -> Path:
    for folder in (manifest.parent, manifest.parent.parent):
        if (folder / path).is_file():
            return folder / path
    raise RawDataError(f"manifest {manifest}: there is no recording {path}")
