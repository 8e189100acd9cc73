"""What all buckets of features say of their songs, in one file: a night reads it in place of all of theirs.

A bucket's file holds fingerprints as large as features, and whoever reads it reads all of it, to see that it is as it
was written. Rows that were kept of a file hold while that is the file they were read from.
"""

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.files import read_json_object, write_bytes, write_json

# Size in bytes, time of change in ns, number: one that takes another's place has another number.
_State = tuple[int, int, int]
_STATES = TypeAdapter(dict[str, _State])
_OF = "of_file"


class KnownRows:
    """The file below the folder of the buckets; where it is missing or damaged, all buckets are read.

    Args:
        schema: of the rows.
    """

    def __init__(self, folder: Path, schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> None:
        self._path, self._header = folder / "known_rows.bin", folder / "known_rows.json"
        self._schema = pl.Schema({**schema, _OF: pl.String})

    def of(self, files: Mapping[int, Path], read: Callable[[int], pl.DataFrame], keep: bool) -> dict[int, pl.DataFrame]:
        """The rows of each bucket.

        Args:
            files: by bucket; one that is not there is read, which gives no rows.
            read: gives the rows of a bucket out of its own file.
            keep: these are all buckets, and no other process keeps their rows at the same time.
        """
        # Before they are read: of a file that is replaced meanwhile the state does not fit, and it is read again.
        states = {path.name: _state(path) for path in files.values()}
        before, rows = self._kept()
        parts, found = _by_file(rows), {}
        for bucket, path in files.items():
            state = states[path.name]
            is_known = state is not None and before.get(path.name) == state
            found[bucket] = parts.get(path.name, rows.drop(_OF).clear()) if is_known else read(bucket)
        now = {name: state for name, state in states.items() if state is not None}
        if keep and now != before:
            self._keep(now, {files[bucket].name: part for bucket, part in found.items()})
        return found

    def _kept(self) -> tuple[dict[str, _State], pl.DataFrame]:
        """The files that rows were kept of, and the rows with the name of their file."""
        nothing: dict[str, _State] = {}
        try:
            header, content = read_json_object(self._header), self._path.read_bytes()
            if header.get("rows") != _hash(content):
                return nothing, pl.DataFrame(schema=self._schema)
            files, rows = _STATES.validate_python(header.get("files")), pl.read_parquet(io.BytesIO(content))
        except (OSError, ValueError, ValidationError, pl.exceptions.PolarsError):
            return nothing, pl.DataFrame(schema=self._schema)
        return (files, rows) if rows.schema == self._schema else (nothing, pl.DataFrame(schema=self._schema))

    def _keep(self, files: Mapping[str, _State], parts: Mapping[str, pl.DataFrame]) -> None:
        for path in self._path.parent.glob(".known_rows.*.part"):  # of a run that was killed here
            path.unlink(missing_ok=True)
        content = io.BytesIO()
        rows = [part.with_columns(pl.lit(name).alias(_OF)) for name, part in parts.items() if part.height]
        (pl.concat(rows) if rows else pl.DataFrame(schema=self._schema)).write_parquet(content, compression_level=1)
        write_bytes(self._path, content.getvalue())
        write_json(self._header, {"rows": _hash(content.getvalue()), "files": files})


def _state(path: Path) -> _State | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _by_file(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    parts = rows.partition_by(_OF, as_dict=True, include_key=False, maintain_order=True)
    return {str(key[0]): part for key, part in parts.items()}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
