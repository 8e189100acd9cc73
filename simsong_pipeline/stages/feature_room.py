"""What a first reading of the data set's features will leave on a disk, said before it begins."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.errors import AudioError
from simsong_pipeline.sources.msd_arrays import EventFiles

# Tracks whose events are counted.
_COUNTED = 64


def room_line(tasks: Sequence[AudioTask], home: Path) -> str:
    """How many tracks are read, what their features take, what is free, and how to begin with less."""
    free, size = shutil.disk_usage(home).free / 1e9, bytes_of_a_track(tasks)
    will_take = "" if size is None else f", some {size / 1e3:.2g} kB each, {_gigabytes(len(tasks) * size)}"
    return (
        f"features of {len(tasks):,} tracks are read once{will_take} below {home} "
        f"({free:.0f} GB are free); a share to begin with: --share 0.01"
    )


def bytes_of_a_track(tasks: Sequence[AudioTask]) -> float | None:
    """Mean size of a track's features, by tracks from all of the list; null where none of these can be used."""
    step = max(1, -(-len(tasks) // _COUNTED))
    files, sizes = EventFiles(), list[int]()
    try:
        for task in tasks[::step]:
            try:
                sizes.append(files.read(task.path, task.modified_ns).rows.nbytes)
            except AudioError:  # listed with its reason when it is its turn
                continue
    finally:
        files.close()
    return sum(sizes) / len(sizes) if sizes else None


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2g} GB" if size >= 1e8 else f"{size / 1e6:.2g} MB"
