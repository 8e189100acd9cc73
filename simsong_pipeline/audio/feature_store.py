"""Features and descriptions of all songs in buckets, and the audio rows that belong to them.

A bucket is `bucket-07.parquet`, with a row a song that says in which file its frames are and where they begin, and
a few files `bucket-07-<hash>.f16`, the frames of songs one after the other. The parquet file is written last and
atomically, so a run that is killed loses at most the bucket it was in, and readers never see half of one.

New songs get a file of their own. Files of which more than half is of songs that left are copied into it, and then
those that are at most twice as large as it is with them. So each file is more than twice the next smaller one, a
bucket of thousands of songs has a handful of them, and a night writes what is new and, now and then, what came in the
nights before it; it does not copy the catalogue.

Frames that nobody needs again are let go of: the song's row stays as it is but for its file, and it is heard again
where it is asked for after all.
"""

import os
import uuid
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.feature_format import FeatureFormat
from simsong_pipeline.audio.known_rows import KnownRows
from simsong_pipeline.audio.preparation import (
    DESCRIBED,
    AudioTask,
    PreparedAudio,
    audio_rows,
)
from simsong_pipeline.buckets import USUAL, Buckets, bucket_name
from simsong_pipeline.config import AudioConfig
from simsong_pipeline.errors import UNREAD, BusyError, SchemaError, first_line
from simsong_pipeline.files import is_as_written, sha256_of, write_with_sum
from simsong_pipeline.locks import NotedLock, allow_open_files
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
# Open at once by a reader.
_MAPS = 400
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
    """The audio, segment_features and descriptions frames, and how many recordings of each bucket were decoded."""

    audio: pl.DataFrame
    segment_features: pl.DataFrame
    descriptions: pl.DataFrame
    decoded_in: Mapping[int, int]

    @property
    def decoded(self) -> int:
        """Recordings that were decoded for them."""
        return sum(self.decoded_in.values())


@dataclass(frozen=True)
class BucketTasks:
    """The recordings of a bucket, of how many of them there is something to do, and whose features are wanted."""

    bucket: int
    tasks: list[AudioTask]
    songs: int
    wanted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BucketRows:
    """What is known of a bucket's recordings, and how many were decoded for it."""

    bucket: int
    rows: pl.DataFrame
    decoded: int


@dataclass(frozen=True)
class LetGo:
    """Where the features of all songs lie now, how many songs were let go of, and why others were not, if some.

    Attributes:
        places: segment_features, of all songs that were heard.
    """

    places: pl.DataFrame
    songs: int
    busy: str


@dataclass(frozen=True)
class Look:
    """The rows of buckets as they are, and the buckets that are to be brought to another state."""

    known: Mapping[int, pl.DataFrame]
    jobs: list[BucketTasks]

    def frames(self, done: Iterable[BucketRows]) -> AudioFrames:
        """The frames of all these buckets, once the jobs are done."""
        rows, decoded = dict(self.known), dict[int, int]()
        for part in done:
            rows[part.bucket] = part.rows
            decoded[part.bucket] = part.decoded
        everything = pl.concat(rows.values()).sort("track_id")
        usable = everything.filter(pl.col("status") == "ok")
        return AudioFrames(
            conform(everything, AUDIO), conform(usable, SEGMENT_FEATURES), conform(usable, DESCRIPTIONS), decoded
        )


class FeatureStore:
    """The buckets below a folder.

    Args:
        wait_s: seconds to wait for a bucket that another process works on.
        buckets: how many there are.
        present: how many there are once some of them are held: another process may have split them before.
    """

    def __init__(
        self,
        folder: Path,
        rows: FeatureFormat,
        wait_s: float = 600.0,
        buckets: Buckets = USUAL,
        present: Callable[[], Buckets] | None = None,
    ) -> None:
        self._folder, self._wait_s, self._buckets = folder, wait_s, buckets
        self._present = present
        self._channels = rows.channels
        self._version = rows.version

    @property
    def version(self) -> str:
        """The `front_end` of songs that are as the store's format has them."""
        return self._version

    def look(
        self,
        tasks: Sequence[AudioTask],
        audio: AudioConfig,
        buckets: Collection[int] | None = None,
        wanted: Collection[str] = (),
    ) -> "Look":
        """What is known of some buckets, and which of them have something to do for these recordings.

        Args:
            tasks: all recordings of these buckets, and of no others.
            buckets: all where null.
            wanted: songs that are heard again where their features were let go of.
        """
        chosen = self._buckets.numbers if buckets is None else buckets
        parts: dict[int, list[AudioTask]] = {bucket: [] for bucket in sorted(chosen)}
        for task in tasks:
            parts[self._buckets.of(task.track_id)].append(task)
        files = {bucket: self._bucket_path(bucket) for bucket in parts}
        # A worker over some of them may have others beside it.
        known = KnownRows(self._folder, _ROWS).of(files, self._bucket_rows, keep=buckets is None)
        # Of all buckets at once: a join a bucket takes longer than reading it.
        rows = _without_wanted(self._whole(pl.concat(known.values())), wanted)
        same, asked = set(_unchanged(rows, tasks, self._settings(audio))["track_id"]), frozenset(wanted)
        jobs = []
        for bucket, mine in parts.items():
            songs = sum(task.track_id not in same for task in mine)
            if songs or len(mine) != known[bucket].height or self._unfinished(bucket, known[bucket]):
                own = asked.intersection(task.track_id for task in mine) if asked else asked
                jobs.append(BucketTasks(bucket, mine, songs, own))
        return Look(known, jobs)

    def refresh_bucket(
        self,
        job: "BucketTasks",
        audio: AudioConfig,
        prepared: Callable[[Sequence[AudioTask]], Iterator[PreparedAudio]],
        may_publish: Callable[[], None] = lambda: None,
    ) -> "BucketRows":
        """Bring a bucket to the state of its recordings; those that did not change are not prepared again.

        Args:
            prepared: prepares recordings, in whatever order.
            may_publish: called before the bucket is replaced; what it raises leaves it as it was.

        Raises:
            BusyError: another process works on the bucket, and went on working, or has split it.
        """
        with self.held([job.bucket]):
            known = self._bucket_rows(job.bucket)
            self._clear_unfinished(job.bucket, known)
            rows = _without_wanted(self._whole(known), job.wanted)
            unchanged = _unchanged(rows, job.tasks, self._settings(audio))
            same = set(unchanged["track_id"])
            todo = [task for task in job.tasks if task.track_id not in same]
            if not todo and known.height == len(same):
                return BucketRows(job.bucket, known, 0)
            kept = known.join(unchanged, on="track_id", how="semi", maintain_order="left")
            rows = self._write_bucket(job.bucket, known, kept, prepared(todo), self._settings(audio), may_publish)
            return BucketRows(job.bucket, rows, sum(task.size_bytes >= 0 for task in todo))

    def let_go(self, needed: Collection[str], may_publish: Callable[[], None] = lambda: None) -> LetGo:
        """Let go of the features of all songs but those that are needed; those that share their files move to others.

        Other buckets are not opened. One that another process works on, and goes on working, is left as it is.

        Args:
            may_publish: called before each bucket is replaced; what it raises leaves it as it was.

        Raises:
            SchemaError: features that stay are missing or damaged.
        """
        files = {bucket: self._bucket_path(bucket) for bucket in self._buckets.numbers}
        known = KnownRows(self._folder, _ROWS)
        rows = pl.concat(known.of(files, self._bucket_rows, keep=False).values())
        gone = rows.filter(is_let_go(needed))["track_id"].to_list()
        busy = ""
        for bucket in sorted(self._buckets.of_all(gone)):
            try:
                self._let_go_of_bucket(bucket, needed, may_publish)
            except BusyError as error:
                busy = str(error)
        if gone:
            rows = pl.concat(known.of(files, self._bucket_rows, keep=True).values())
        left = rows.filter(is_let_go(needed)).height
        return LetGo(rows.select(list(SEGMENT_FEATURES.columns)), len(gone) - left, busy)

    def _let_go_of_bucket(self, bucket: int, needed: Collection[str], may_publish: Callable[[], None]) -> None:
        with self.held([bucket]):
            known = self._bucket_rows(bucket)
            left = without_files(known, needed)
            self._write_bucket(bucket, known, left, (), "", may_publish, has_gaps=False)

    def _settings(self, audio: AudioConfig) -> str:
        return sha256_of(self._version, audio.model_dump(exclude={"workers"}))[:16]

    @contextmanager
    def held(self, buckets: Collection[int]) -> Iterator[None]:
        """Keep other processes from working on some buckets while the block lasts.

        Raises:
            BusyError: another process works on one of them, and went on working, or has split them.
        """
        allow_open_files(len(buckets))
        with ExitStack() as held:
            for bucket in sorted(buckets):
                held.enter_context(self._lock(bucket).held(self._wait_s))
            if self._present is not None and self._present() != self._buckets:
                raise BusyError(f"the buckets of {self._folder} were split meanwhile: run the same command again")
            yield

    def _lock(self, bucket: int) -> NotedLock:
        what = f"bucket {bucket} of {self._folder}"
        self._folder.mkdir(parents=True, exist_ok=True)
        return NotedLock(self._folder / f".{self._buckets.name(bucket)}.lock", what, "run again when it has finished")

    def _whole(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Without the songs whose file was deleted, as one that is damaged should be: those are heard anew."""
        gone = [name for name in rows["file"].drop_nulls().unique() if not (self._folder / name).is_file()]
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

    def places(self) -> pl.DataFrame:
        """Which features of which song lie where, of all songs that have some: segment_features."""
        rows = (self._bucket_rows(bucket, list(SEGMENT_FEATURES.columns)) for bucket in self._buckets.numbers)
        return pl.concat([part.drop_nulls("file") for part in rows])

    def songs(self, bucket: int) -> pl.DataFrame:
        """All that is kept of a bucket's songs but their features."""
        return self._bucket_rows(bucket, list(_STORED))

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

    def _clear_unfinished(self, bucket: int, known: pl.DataFrame) -> None:
        """Delete what a killed run was writing, gigabytes in a large catalogue; the caller holds the bucket."""
        for name in self._unfinished(bucket, known):
            (self._folder / name).unlink(missing_ok=True)

    def _unfinished(self, bucket: int, known: pl.DataFrame) -> set[str]:
        return self._leftovers.get(bucket, set()) - {*known["file"].unique()}

    @cached_property
    def _leftovers(self) -> dict[int, set[str]]:
        """Files of frames by their bucket, finished or not, when work began; listed once for all buckets."""
        numbers = {self._buckets.name(bucket): bucket for bucket in self._buckets.numbers}
        found: dict[int, set[str]] = {}
        for path in (*self._folder.glob(".bucket-*.part"), *self._folder.glob("bucket-*.f16")):
            bucket = numbers.get(bucket_name(path.name) or "")
            if bucket is not None:
                found.setdefault(bucket, set()).add(path.name)
        return found

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
        kept: pl.DataFrame,
        prepared: Iterable[PreparedAudio],
        settings: str,
        may_publish: Callable[[], None],
        has_gaps: bool = True,
    ) -> pl.DataFrame:
        """Write the frames of new songs to a new file, publish it by the parquet file: the bucket's new rows.

        Args:
            has_gaps: whether files may hold songs that left, as long as these are less than half of it.
        """
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
                moved = pl.col("file").is_in(self._merged(kept, written, has_gaps)).fill_null(value=False)
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
        may_publish()
        write_with_sum(self._bucket_path(bucket), frame.write_parquet)
        for file in {*known["file"].drop_nulls()} - {*frame["file"].drop_nulls()}:
            (self._folder / file).unlink(missing_ok=True)
        return frame.select(list(_ROWS))

    def _merged(self, kept: pl.DataFrame, frames: int, has_gaps: bool) -> list[str]:
        """The files to copy into a new one of so many frames: those half deserted, and those not much larger."""
        used_in = kept.drop_nulls("file").group_by("file").agg(pl.col("frames").sum()).sort("frames", "file").rows()
        share = 2 if has_gaps else 1
        deserted = {file for file, used in used_in if share * used < self._frames_in(file)}
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
    names = ("track_id", "path", "size_bytes", "modified_ns", "expected_s")
    now = pl.DataFrame({n: pl.Series([getattr(t, n) for t in tasks], dtype=_ROWS[n]) for n in names})
    unread = pl.col("reason").str.starts_with(UNREAD).fill_null(value=False)
    same = known.filter(pl.col("settings") == settings, ~unread)
    return same.join(now, on=now.columns, how="semi", nulls_equal=True).select("track_id")


def _without_wanted(known: pl.DataFrame, wanted: Collection[str]) -> pl.DataFrame:
    """Without the songs whose features are wanted and were let go of: those are heard anew."""
    if not wanted:
        return known
    is_wanted = pl.col("track_id").is_in(list(wanted))
    return known.filter(~(is_wanted & pl.col("file").is_null() & (pl.col("status") == "ok")))


def is_let_go(needed: Collection[str]) -> pl.Expr:
    """Of which rows the frames go, where only those of some songs are needed."""
    return pl.col("file").is_not_null() & ~pl.col("track_id").is_in(list(needed))


def without_files(rows: pl.DataFrame, needed: Collection[str]) -> pl.DataFrame:
    """The rows once the frames that are not needed are gone."""
    return rows.with_columns(pl.when(is_let_go(needed)).then(None).otherwise("file").alias("file"))


def _missing(path: Path) -> SchemaError:
    """Mostly of a frame that is older than the buckets: a night is at work, or was killed."""
    return SchemaError(f"features file {path} is missing: run `simsong refresh`, which hears its songs anew")


def _damaged(path: Path) -> SchemaError:
    return SchemaError(f"features file {path} is damaged: {_WAY_OUT}")


class FeatureReader:
    """Maps a track id to its features [rows, channels], memory-mapped; they are checked when first asked for.

    Only of songs that have some: those of the others were let go of.

    Raises:
        SchemaError: a file is missing, or its bytes are not those that were written.
    """

    def __init__(self, folder: Path, segment_features: pl.DataFrame, channels: int) -> None:
        self._folder = folder
        self._channels = channels
        self._maps: dict[str, NDArray[np.float16]] = {}
        known = completed(segment_features, SEGMENT_FEATURES)  # of a version without checksums, say
        known = known.drop_nulls("file")
        columns = ("track_id", "file", "offset", "frames", "checksum")
        self._places = {t: (f, o, n, c) for t, f, o, n, c in known.select(columns).rows()}
        self._checked: set[str] = set()

    def __getitem__(self, track_id: str) -> NDArray[np.float16]:
        file, offset, frames, checksum = self._places[track_id]
        features = self._mapped(file)[offset : offset + frames]
        if len(features) < frames:
            raise _damaged(self._folder / file)
        # Once a reader: training cuts parts out of a song a thousand times.
        if checksum is not None and track_id not in self._checked:
            if zlib.crc32(features.tobytes()) != checksum:
                raise _damaged(self._folder / file)
            self._checked.add(track_id)
        return features

    def _mapped(self, file: str) -> NDArray[np.float16]:
        known = self._maps.get(file)  # once: another thread may let go of it
        if known is not None:
            return known
        if len(self._maps) >= _MAPS:  # each keeps its file open
            self._maps.pop(next(iter(list(self._maps))), None)
        return self._maps.setdefault(file, self._open(file))

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
