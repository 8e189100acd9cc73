"""A frame with a row a track, kept in buckets of tracks: what did not change of it is neither written nor read again.

A bucket's rows lie in a file that is named by the hash of its bytes, and `manifest.json` says which files are the
frame's now. It is written last, so a frame is always one of a moment, whatever is killed; a file that is not the one
that was written does not bear the name of its bytes.
"""

import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.buckets import USUAL, Buckets
from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.files import read_json_object, write_bytes, write_json

MANIFEST = "manifest.json"
_DIGITS = 24


@dataclass(frozen=True)
class _Bucket:
    """A bucket's file, the rows in it, and the hash of their state."""

    file: str
    rows: int
    state: str


_BUCKETS = TypeAdapter(dict[str, _Bucket])


class BucketedFrame:
    """The files of a frame below a folder of its own.

    Args:
        remedy: what makes the frame anew once its folder is deleted.
        buckets: how many it is written in; one that is there is read and updated in as many as its manifest names.
    """

    def __init__(self, folder: Path, remedy: str, buckets: Buckets = USUAL) -> None:
        self._folder, self._remedy, self._buckets = folder, remedy, buckets

    @property
    def is_there(self) -> bool:
        """Whether the frame was written."""
        return (self._folder / MANIFEST).is_file()

    @property
    def height(self) -> int:
        """How many rows there are; no bucket is opened for it."""
        return sum(bucket.rows for bucket in self._known().values())

    def read(self, columns: Sequence[str] | None = None, buckets: Collection[int] | None = None) -> pl.DataFrame:
        """The rows by track id, of all columns and buckets or of some.

        Raises:
            RawDataError: a file is missing or damaged.
        """
        return self._read(self._known(), columns, buckets)

    def _read(
        self, known: Mapping[str, _Bucket], columns: Sequence[str] | None, buckets: Collection[int] | None
    ) -> pl.DataFrame:
        wanted = [known[key] for key in sorted(known) if buckets is None or int(key) in buckets]
        contents = [self._bytes(bucket) for bucket in wanted if bucket.rows]
        if not contents:  # any bucket knows the columns
            return self._part(known[min(known)], columns).clear()
        try:
            # All at once: of small files each costs as much as its rows.
            names = None if columns is None else list(columns)
            return pl.read_parquet(contents, columns=names).sort("track_id")
        except pl.exceptions.PolarsError:
            return pl.concat([self._part(bucket, columns) for bucket in wanted if bucket.rows]).sort("track_id")

    def buckets_of(self, track_ids: Collection[str]) -> set[int]:
        """Those that some tracks are in, or would be."""
        return _number(self._known()).of_all(track_ids)

    def write(self, frame: pl.DataFrame) -> None:
        """Make the frame the one that is kept; buckets whose rows are as they were are left alone."""
        known = self._known() if self.is_there else {}
        parts = by_bucket(frame, self._buckets)
        whole = {bucket: parts.get(bucket, frame.clear()) for bucket in self._buckets.numbers}
        self._replace(whole, known if len(known) == self._buckets.count else {})

    def update(self, rows: pl.DataFrame, gone: Collection[str] = ()) -> None:
        """Put rows in the place of those of the same tracks, and take tracks away; other buckets are not opened.

        Args:
            rows: of all columns of the frame.
        """
        known = self._known()
        new, leaving = by_bucket(rows, _number(known)), {*rows["track_id"], *gone}
        parts = {}
        for bucket in _number(known).of_all(leaving):
            kept = self._read(known, None, [bucket]).filter(~pl.col("track_id").is_in(leaving))
            both = pl.concat([kept, new[bucket]]) if bucket in new else kept
            parts[bucket] = both.sort("track_id")
        self._replace(parts, known)

    def spread(self) -> None:
        """Keep the rows that are there in as many buckets as this object has, those of each in its multiples.

        Until the manifest is written the frame is the one before. Nothing to do where it has as many already, or more.
        """
        known, now = self._known(), dict[str, _Bucket]()
        before = _number(known)
        if before.count >= self._buckets.count:
            return
        for bucket in before.numbers:
            rows = self._read(known, None, [bucket])
            parts = by_bucket(rows, self._buckets)
            for new in range(bucket, self._buckets.count, before.count):
                part = parts.get(new, rows.clear())
                now[_key(new)] = self._write(new, part, _state_of(part))
        write_json(self._folder / MANIFEST, {key: asdict(bucket) for key, bucket in now.items()})
        self._clear(now)

    def _replace(self, parts: Mapping[int, pl.DataFrame], known: Mapping[str, _Bucket]) -> None:
        now = dict(known)
        for bucket, rows in parts.items():
            before, state = known.get(_key(bucket)), _state_of(rows)
            if before is None or before.state != state or not (self._folder / before.file).is_file():
                now[_key(bucket)] = self._write(bucket, rows, state)
        if now != known:
            write_json(self._folder / MANIFEST, {key: asdict(bucket) for key, bucket in now.items()})
        self._clear(now)

    def damage(self) -> list[str]:
        """A line for each file that is missing or not as it was written."""
        lines = []
        for bucket in self._known().values():
            try:
                self._bytes(bucket)
            except RawDataError as error:
                lines.append(str(error))
        return lines

    def _known(self) -> dict[str, _Bucket]:
        path = self._folder / MANIFEST
        try:
            known = _BUCKETS.validate_python(read_json_object(path))
            if not known:
                raise ValueError("it names no bucket")
            if set(known) != {_key(bucket) for bucket in _number(known).numbers}:
                raise ValueError("a bucket is missing in it")
        except (OSError, ValueError, ValidationError) as error:
            raise RawDataError(f"{path} is damaged ({first_line(error)}): {self._remedy}") from error
        return known

    def _part(self, bucket: _Bucket, columns: Sequence[str] | None) -> pl.DataFrame:
        try:
            return pl.read_parquet(io.BytesIO(self._bytes(bucket)), columns=None if columns is None else list(columns))
        except pl.exceptions.PolarsError as error:
            raise RawDataError(
                f"{self._folder / bucket.file} is damaged ({first_line(error)}): {self._remedy}"
            ) from error

    def _bytes(self, bucket: _Bucket) -> bytes:
        path = self._folder / bucket.file
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RawDataError(f"{path} is missing or cannot be read ({error.strerror}): {self._remedy}") from error
        if _named(content) not in bucket.file:
            raise RawDataError(f"{path} is damaged (its bytes changed): {self._remedy}")
        return content

    def _write(self, bucket: int, rows: pl.DataFrame, state: str) -> _Bucket:
        content = io.BytesIO()
        rows.write_parquet(content)
        file = f"{_key(bucket)}-{_named(content.getvalue())}.parquet"
        write_bytes(self._folder / file, content.getvalue())
        return _Bucket(file, rows.height, state)

    def _clear(self, now: Mapping[str, _Bucket]) -> None:
        """Delete what is no part of the frame any more, and what a killed run was writing."""
        named = {bucket.file for bucket in now.values()}
        for path in (*self._folder.glob("*.parquet"), *self._folder.glob(".*.part")):
            if path.name not in named:
                path.unlink(missing_ok=True)


def _number(known: Mapping[str, _Bucket]) -> Buckets:
    """All buckets are named, those without rows as well."""
    return Buckets(len(known))


def _key(bucket: int) -> str:
    return f"{bucket:04d}"


def _named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _state_of(rows: pl.DataFrame) -> str:
    """Hash of names, types and values; not of the file, whose bytes another version of its writer may change."""
    content = io.BytesIO()
    rows.rechunk().write_ipc(content)
    return _named(content.getvalue())


def by_bucket(frame: pl.DataFrame, buckets: Buckets) -> dict[int, pl.DataFrame]:
    """The rows of each bucket by track id."""
    numbers = [buckets.of(track_id) for track_id in frame["track_id"].to_list()]
    numbered = frame.with_columns(pl.Series("bucket", numbers, pl.Int32)).sort("track_id")
    parts = numbered.partition_by("bucket", as_dict=True, include_key=False)
    return {int(key[0]): part for key, part in parts.items()}
