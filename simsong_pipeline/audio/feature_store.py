"""Features and descriptions of all songs in buckets, and the audio rows that belong to them.

A bucket is `bucket-07.parquet`, with a row a song that says in which file its frames are and where they begin, and
a few files `bucket-07-<hash>.f16`, the frames of songs one after the other. The parquet file is written last and
atomically, so a run that is killed loses at most the bucket it was in, and readers never see half of one.

New songs get a file of their own. Files of which more than half is of songs that left are copied into it, and then
those that are at most twice as large as it is with them. So each file is more than twice the next smaller one, a
bucket of thousands of songs has a handful of them, and a night writes what is new and, now and then, what came in the
nights before it; it does not copy the catalogue.
"""

import os
import uuid
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.feature_format import FeatureFormat
from simsong_pipeline.audio.preparation import (
    DESCRIBED,
    AudioTask,
    Hearing,
    Listener,
    PreparedAudio,
    Progress,
    audio_rows,
    prepare_all,
)
from simsong_pipeline.buckets import USUAL, Buckets
from simsong_pipeline.config import AudioConfig
from simsong_pipeline.errors import UNREAD, SchemaError, first_line
from simsong_pipeline.files import is_as_written, sha256_of, write_with_sum
from simsong_pipeline.locks import NotedLock
from simsong_pipeline.schemas import AUDIO, DESCRIPTIONS, SEGMENT_FEATURES, completed, conform, polars_schema

_PLACE: dict[str, type[pl.DataType]] = {
    "track_id": pl.String,
    "front_end": pl.String,
    "offset": pl.Int64,
    "frames": pl.Int64,
    "checksum": pl.UInt32,
}
_Place = tuple[str, str, int, int, int]
_GROWTH = 2
_PLACED = ("front_end", "offset", "frames", "file", "checksum")
_ROWS: dict[str, pl.DataType | type[pl.DataType]] = {
    **polars_schema(AUDIO, 1),
    **polars_schema(SEGMENT_FEATURES, 1),
    "settings": pl.String,
    "expected_s": pl.Float64,
    "loudness_db": pl.Float64,
    "tempo_bpm": pl.Float64,
    "tags": pl.List(pl.Float32),
    "strangeness": pl.Float64,
}
# Read only where they are wanted: the fingerprint of a song is as large as its features.
_ARRAYS = {name: kind for name, kind in DESCRIBED.items() if kind == pl.Binary}
_STORED = {**_ROWS, **_ARRAYS}
_WAY_OUT = "delete it and run `simsong refresh`, which hears its songs anew"
# Of a store that was written before songs had one: null, and not checked.
_OPTIONAL = frozenset({"checksum"})


@dataclass(frozen=True)
class AudioFrames:
    """The audio, segment_features and descriptions frames, and how many recordings were decoded for them."""

    audio: pl.DataFrame
    segment_features: pl.DataFrame
    descriptions: pl.DataFrame
    decoded: int


class FeatureStore:
    """The buckets below a folder.

    Args:
        wait_s: seconds to wait for a bucket that another process works on.
        buckets: how many there are.
    """

    def __init__(self, folder: Path, rows: FeatureFormat, wait_s: float = 600.0, buckets: Buckets = USUAL) -> None:
        self._folder, self._wait_s, self._buckets = folder, wait_s, buckets
        self._channels = rows.channels
        self._version = rows.version

    def refresh(
        self,
        tasks: Sequence[AudioTask],
        audio: AudioConfig,
        listener: Listener,
        progress: Progress,
        hear: Hearing = lambda _: None,
        buckets: Collection[int] | None = None,
    ) -> AudioFrames:
        """Bring the buckets to the state of `tasks`, decoding only recordings that are new or changed.

        Args:
            tasks: all recordings of these buckets, and of no others.
            listener: makes rows of the store's format.
            hear: called with each of these in the thread that decoded it.
            buckets: held while they are worked on; another process may work on others. All where null.

        Raises:
            BusyError: another process works on one of the buckets, and went on working.
        """
        chosen = self._buckets.numbers if buckets is None else buckets
        with ExitStack() as held:
            for bucket in sorted(chosen):
                held.enter_context(self._lock(bucket).held(self._wait_s))
            return self._refresh(tasks, audio, listener, progress, hear, chosen)

    def _lock(self, bucket: int) -> NotedLock:
        what = f"bucket {bucket} of {self._folder}"
        self._folder.mkdir(parents=True, exist_ok=True)
        return NotedLock(self._folder / f".{self._buckets.name(bucket)}.lock", what, "run again when it has finished")

    def _refresh(
        self,
        tasks: Sequence[AudioTask],
        audio: AudioConfig,
        listener: Listener,
        progress: Progress,
        hear: Hearing,
        buckets: Collection[int],
    ) -> AudioFrames:
        settings = sha256_of(self._version, audio.model_dump(exclude={"workers"}))[:16]
        known = {bucket: self._bucket_rows(bucket) for bucket in sorted(buckets)}
        self._clear_unfinished(known)
        before = pl.concat(known.values())
        unchanged = _unchanged(self._whole(before), tasks, settings)
        same = set(unchanged["track_id"])
        left = self._buckets.of_all(before.join(unchanged, on="track_id", how="anti")["track_id"])
        todo = sorted((t for t in tasks if t.track_id not in same), key=lambda t: self._buckets.of(t.track_id))
        written: dict[int, pl.DataFrame] = {}
        # Closed at once where a bucket cannot be written: its threads end.
        with closing(prepare_all(todo, audio, listener, progress, hear)) as prepared:
            for bucket, new in groupby(prepared, key=lambda p: self._buckets.of(p.task.track_id)):
                written[bucket] = self._write_bucket(bucket, known[bucket], unchanged, new, settings)
        for bucket in left - written.keys():
            written[bucket] = self._write_bucket(bucket, known[bucket], unchanged, (), settings)
        rows = pl.concat([written.get(bucket, rows) for bucket, rows in known.items()]).sort("track_id")
        usable = rows.filter(pl.col("status") == "ok")
        decoded = sum(t.size_bytes >= 0 for t in todo)
        return AudioFrames(
            conform(rows, AUDIO), conform(usable, SEGMENT_FEATURES), conform(usable, DESCRIPTIONS), decoded
        )

    def _whole(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Without the songs whose file was deleted, as one that is damaged should be: those are heard anew."""
        there = {path.name for path in self._folder.glob("*.f16")}
        gone = [name for name in rows["file"].drop_nulls().unique() if name not in there]
        return rows.filter(~pl.col("file").is_in(gone).fill_null(value=False))

    def stored_rows(self) -> Iterator[tuple[Path, pl.DataFrame | SchemaError]]:
        """Each bucket's file with what it says of its songs, or with what is wrong with it."""
        for bucket in self._buckets.numbers:
            path = self._bucket_path(bucket)
            if path.is_file():
                try:
                    yield path, self._bucket_rows(bucket)
                except SchemaError as error:
                    yield path, error

    def arrays(self, track_ids: Sequence[str], arrays: Sequence[str] = tuple(_ARRAYS)) -> pl.DataFrame:
        """track_id and some arrays of `DESCRIBED` as their bytes, of those songs that have them.

        Only the buckets of these songs are read.
        """
        wanted = pl.DataFrame({"track_id": track_ids}, schema={"track_id": pl.String})
        names = ["track_id", *arrays]
        parts = [
            self._bucket_rows(bucket, names).join(wanted, on="track_id", how="semi").drop_nulls()
            for bucket in sorted(self._buckets.of_all(track_ids))
        ]
        schema = {name: _STORED[name] for name in names}
        return pl.concat(parts) if parts else pl.DataFrame(schema=schema)

    def reader(self, segment_features: pl.DataFrame) -> "FeatureReader":
        """Access to the features that `segment_features` points to."""
        return FeatureReader(self._folder, segment_features, self._channels)

    def _clear_unfinished(self, known: Mapping[int, pl.DataFrame]) -> None:
        """Delete what a killed run was writing, gigabytes in a large catalogue; the caller holds these buckets."""
        named = {name for rows in known.values() for name in rows["file"].unique()}
        begins = {f"{self._buckets.name(b)}-" for b in known} | {f".{self._buckets.name(b)}." for b in known}
        for path in (*self._folder.glob(".bucket-*.part"), *self._folder.glob("bucket-*.f16")):
            if path.name not in named and any(path.name.startswith(begin) for begin in begins):
                path.unlink()

    def _bucket_rows(self, bucket: int, names: Sequence[str] = tuple(_ROWS)) -> pl.DataFrame:
        path, kinds = self._bucket_path(bucket), {name: _STORED[name] for name in names}
        if not path.is_file():
            return pl.DataFrame(schema=kinds)
        if not is_as_written(path):
            raise SchemaError(f"{path} is damaged (its bytes changed): {_WAY_OUT}")
        try:
            there = set(pl.read_parquet_schema(path))
            if not set(_STORED) - _OPTIONAL <= there:
                return pl.DataFrame(schema=kinds)  # of a version that described nothing: all is heard anew
            rows = pl.read_parquet(path, columns=[name for name in names if name in there])
            schema = rows.schema
            if list(schema) == list(names) and all(schema[name] == kinds[name] for name in names):
                return rows
            lacking = [pl.lit(None, _STORED[name]).alias(name) for name in names if name not in there]
            return rows.with_columns(lacking).select(names).cast(kinds)  # type: ignore[arg-type]
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SchemaError(f"{path} is damaged ({first_line(error)}): {_WAY_OUT}") from error

    def _bucket_path(self, bucket: int) -> Path:
        return self._folder / f"{self._buckets.name(bucket)}.parquet"

    def _write_bucket(
        self,
        bucket: int,
        known: pl.DataFrame,
        unchanged: pl.DataFrame,
        prepared: Iterable[PreparedAudio],
        settings: str,
    ) -> pl.DataFrame:
        """Write the frames of new songs to a new file, publish it by the parquet file: the bucket's new rows."""
        kept = known.join(unchanged, on="track_id", how="semi", maintain_order="left")
        if kept.height:
            kept = kept.join(self._bucket_rows(bucket, ["track_id", *_ARRAYS]), on="track_id")
        else:
            kept = kept.with_columns(pl.lit(None, kind).alias(array) for array, kind in _ARRAYS.items())
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{self._buckets.name(bucket)}.{uuid.uuid4().hex}.part"
        try:
            with temporary.open("wb") as handle:
                rows, places = self._append(prepared, handle)
                written = sum(p[3] for p in places)
                moved = pl.col("file").is_in(self._merged(kept, written)).fill_null(value=False)
                places += self._copy(kept.filter(moved), handle, written)
                handle.flush()
                os.fsync(handle.fileno())
            rows = rows.with_columns(pl.lit(settings).alias("settings"))
            both = pl.concat([kept.filter(moved).drop(_PLACED), rows], how="diagonal_relaxed")
            hashes = dict(both.select("track_id", "audio_sha256").rows())
            name = f"{self._buckets.name(bucket)}-{sha256_of([(p, hashes[p[0]]) for p in places])[:16]}.f16"
            if places:
                os.replace(temporary, self._folder / name)
        finally:
            temporary.unlink(missing_ok=True)
        located = pl.DataFrame(places, schema=_PLACE, orient="row").with_columns(pl.lit(name).alias("file"))
        placed = both.join(located, on="track_id", how="left").select(list(_STORED)).cast(_STORED)  # type: ignore[arg-type]
        frame = pl.concat([kept.filter(~moved).select(list(_STORED)), placed])
        write_with_sum(self._bucket_path(bucket), frame.write_parquet)
        for file in {*known["file"].drop_nulls()} - {*frame["file"].drop_nulls()}:
            (self._folder / file).unlink(missing_ok=True)
        return frame.select(list(_ROWS))

    def _merged(self, kept: pl.DataFrame, frames: int) -> list[str]:
        """The files to copy into a new one of so many frames: those half deserted, and those not much larger."""
        used_in = kept.drop_nulls("file").group_by("file").agg(pl.col("frames").sum()).sort("frames", "file").rows()
        deserted = {file for file, used in used_in if 2 * used < self._frames_in(file)}
        merged = []
        # The deserted first: with theirs, the new file may be as large as one that it was too small for.
        for file, used in sorted(used_in, key=lambda f: f[0] not in deserted):
            if file in deserted or used <= _GROWTH * frames:
                merged.append(file)
                frames += used
        return merged

    def _frames_in(self, file: str) -> int:
        try:
            return (self._folder / file).stat().st_size // (2 * self._channels)
        except FileNotFoundError as error:
            raise _missing(self._folder / file) from error

    def _copy(self, kept: pl.DataFrame, handle: IO[bytes], offset: int) -> list[_Place]:
        reader = self.reader(kept)
        places = []
        for track_id, front_end in kept.select("track_id", "front_end").rows():
            features = reader[track_id]
            data = features.tobytes()
            handle.write(data)
            places.append((track_id, front_end, offset, len(features), zlib.crc32(data)))
            offset += len(features)
        return places

    def _append(self, prepared: Iterable[PreparedAudio], handle: IO[bytes]) -> tuple[pl.DataFrame, list[_Place]]:
        rows, places, offset = [], [], 0
        for item in prepared:
            rows.append(replace(item, features=None))
            if item.features is not None:
                data = item.features.tobytes()
                handle.write(data)
                places.append((item.task.track_id, self._version, offset, len(item.features), zlib.crc32(data)))
                offset += len(item.features)
        # Only the rows are kept: the features of a bucket must not pile up in memory.
        return audio_rows(rows), places


def _unchanged(known: pl.DataFrame, tasks: Sequence[AudioTask], settings: str) -> pl.DataFrame:
    """track_id of those whose recording, expected duration and settings are as they were; a missing file has size -1.

    Without those that could not be read, which does not show in size and time.
    """
    now = pl.DataFrame(
        [(t.track_id, t.path, t.size_bytes, t.modified_ns, t.expected_s) for t in tasks],
        schema={n: _ROWS[n] for n in ("track_id", "path", "size_bytes", "modified_ns", "expected_s")},
        orient="row",
    )
    unread = pl.col("reason").str.starts_with(UNREAD).fill_null(value=False)
    same = known.filter(pl.col("settings") == settings, ~unread)
    return same.join(now, on=now.columns, how="semi", nulls_equal=True).select("track_id")


def _missing(path: Path) -> SchemaError:
    """Mostly of a frame that is older than the buckets: a night is at work, or was killed."""
    return SchemaError(f"features file {path} is missing: run `simsong refresh`, which hears its songs anew")


def _damaged(path: Path) -> SchemaError:
    return SchemaError(f"features file {path} is damaged: {_WAY_OUT}")


class FeatureReader:
    """Maps a track id to its features [rows, channels], memory-mapped; they are checked when first asked for.

    Raises:
        SchemaError: a file is missing, or its bytes are not those that were written.
    """

    def __init__(self, folder: Path, segment_features: pl.DataFrame, channels: int) -> None:
        self._folder = folder
        self._channels = channels
        self._maps: dict[str, NDArray[np.float16]] = {}
        known = completed(segment_features, SEGMENT_FEATURES)  # of a version without checksums, say
        columns = ("track_id", "file", "offset", "frames", "checksum")
        self._places = {t: (f, o, n, c) for t, f, o, n, c in known.select(columns).rows()}
        self._checked: set[str] = set()

    def __getitem__(self, track_id: str) -> NDArray[np.float16]:
        file, offset, frames, checksum = self._places[track_id]
        if file not in self._maps:
            self._maps[file] = self._open(file)
        features = self._maps[file][offset : offset + frames]
        if len(features) < frames:
            raise _damaged(self._folder / file)
        # Once a reader: training cuts parts out of a song a thousand times.
        if checksum is not None and track_id not in self._checked:
            if zlib.crc32(features.tobytes()) != checksum:
                raise _damaged(self._folder / file)
            self._checked.add(track_id)
        return features

    def way_out(self, track_id: str) -> str:
        """What makes a song's features anew: a sentence that names their file."""
        return f"delete {self._folder / self._places[track_id][0]} and run `simsong refresh`"

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _open(self, file: str) -> NDArray[np.float16]:
        path = self._folder / file
        if not path.is_file():
            raise _missing(path)
        try:
            return np.memmap(path, np.float16, mode="r").reshape(-1, self._channels)
        except ValueError as error:
            raise _damaged(path) from error
