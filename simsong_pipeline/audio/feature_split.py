"""The buckets of a feature store split into twice as many: the new ones are written beside those that are there.

What was heard is not copied: a file of features gets a second name, for either of the two buckets that its songs go to.
Each of them takes the other's songs for ones that left, and copies its own out of the file when it is next written, if
they are less than half of it. Where the disk knows no second names, features are copied.
"""

import os
import uuid
from collections.abc import Callable
from pathlib import Path

import polars as pl

from simsong_pipeline.audio.feature_store import FeatureStore
from simsong_pipeline.buckets import Buckets, bucket_name
from simsong_pipeline.files import sha256_of, write_atomically, write_with_sum

Progress = Callable[[int, int], None]


class FeatureSplit:
    """The store below a folder, in twice as many buckets.

    Args:
        store: of the number that there is.
    """

    def __init__(self, folder: Path, store: FeatureStore, before: Buckets) -> None:
        self._folder, self._store = folder, store
        self._before, self._after = before, before.twice
        self._links = _knows_links(folder, f".{self._after.name(0)}")

    def needed_bytes(self) -> int:
        """What is written before anything is deleted."""
        sizes = {path: path.stat().st_size for path in files_of(self._folder, self._before)}
        return sum(size for path, size in sizes.items() if path.suffix != ".f16" or not self._links)

    def write(self, progress: Progress) -> None:
        """Write the buckets; call while all of the present ones are held.

        Raises:
            SchemaError: a bucket is damaged, or features that have to be copied are.
        """
        clear(self._folder, self._after)
        for bucket in self._before.numbers:
            songs = self._store.songs(bucket)
            for half in (bucket, bucket + self._before.count):
                mine = [self._after.of(track_id) == half for track_id in songs["track_id"]]
                self._write_half(bucket, half, songs.filter(pl.Series(mine, dtype=pl.Boolean)))
            progress(bucket + 1, self._before.count)

    def _write_half(self, bucket: int, half: int, songs: pl.DataFrame) -> None:
        if not songs.height:
            return
        old, new = self._before.name(bucket), self._after.name(half)
        placed = self._linked(songs, old, new) if self._links else self._copied(songs, new)
        write_with_sum(self._folder / f"{new}.parquet", placed.write_parquet)

    def _linked(self, songs: pl.DataFrame, old: str, new: str) -> pl.DataFrame:
        names = {file: f"{new}{file.removeprefix(old)}" for file in songs["file"].drop_nulls().unique()}
        for file, name in names.items():
            if (self._folder / file).is_file():  # songs of one that was deleted are heard anew
                os.link(self._folder / file, self._folder / name)
        return songs.with_columns(pl.col("file").replace(names))

    def _copied(self, songs: pl.DataFrame, new: str) -> pl.DataFrame:
        """In a file of their own. Songs of a deleted file, or of another encoder, are left out: they are heard anew."""
        there = [name for name in songs["file"].drop_nulls().unique() if (self._folder / name).is_file()]
        heard = songs.filter(pl.col("file").is_in(there), front_end=self._store.version)
        reader, tracks = self._store.reader(heard), heard["track_id"].to_list()
        name = f"{new}-{sha256_of(heard.select('track_id', 'audio_sha256').rows())[:16]}.f16"
        if tracks:
            write_atomically(self._folder / name, lambda file: file.writelines(reader[t].tobytes() for t in tracks))
        places = [(pl.col("frames").cum_sum() - pl.col("frames")).alias("offset"), pl.lit(name).alias("file")]
        return pl.concat([songs.filter(pl.col("file").is_null()), heard.with_columns(places)])


def files_of(folder: Path, buckets: Buckets) -> list[Path]:
    """All files of so many buckets, the locks and what a killed run was writing among them."""
    names = {buckets.name(bucket) for bucket in buckets.numbers}
    return sorted(path for path in folder.iterdir() if bucket_name(path.name) in names) if folder.is_dir() else []


def clear(folder: Path, buckets: Buckets) -> None:
    """Delete the files of so many buckets."""
    for path in files_of(folder, buckets):
        path.unlink(missing_ok=True)


def _knows_links(folder: Path, begin: str) -> bool:
    """Whether a file of this folder can have a second name; tried with two that begin so."""
    first, second = (folder / f"{begin}.{uuid.uuid4().hex}.part" for _ in range(2))
    if not folder.is_dir():
        return False
    try:
        first.touch()
        os.link(first, second)
    except OSError:
        return False
    finally:
        first.unlink(missing_ok=True)
        second.unlink(missing_ok=True)
    return True
