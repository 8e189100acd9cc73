"""Reads tables of SQLite files into Polars in batches, with errors that name the file."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.limits import CELL_BYTES, ROWS

Row = tuple[object, ...]


def read_batches(
    path: Path,
    query: str,
    schema: dict[str, type[pl.DataType]],
    batch_rows: int,
    progress: Progress = lambda *_: None,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of `query` as frames of at most `batch_rows`; the file is opened read-only.

    Any column of SQLite may hold anything: bytes that are not UTF-8 become U+FFFD, and text in place of a number the
    number that it says, or null.

    Args:
        progress: told the rows that were read and those of the table that comes first in the query.

    Raises:
        RawDataError: the file is missing, not SQLite, or lacks the table or a column.
    """
    for rows in read_rows(path, query, batch_rows, progress):
        yield frame_of(rows, schema)


def read_rows(
    path: Path, query: str, batch_rows: int, progress: Progress = lambda *_: None, as_bytes: bool = False
) -> Iterator[list[Row]]:
    """Yield the rows of `query`, at most `batch_rows` at a time, as SQLite has them.

    Args:
        progress: as in `read_batches`, whose errors these are as well.
        as_bytes: texts are not decoded.
    """
    if not path.is_file():
        raise RawDataError(f"no such file: {path}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = bytes if as_bytes else _text
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, CELL_BYTES)
            for (view,) in connection.execute("SELECT CAST(name AS BLOB) FROM sqlite_master WHERE type = 'view'"):
                if _text(view).casefold() in re.findall(r"\w+", query.casefold()):
                    raise RawDataError(f"{path} cannot be read: {_text(view)} is a view in place of a table")
            total = _rows_of_first_table(connection, query)
            cursor, left = connection.execute(query), ROWS
            while rows := cursor.fetchmany(batch_rows):
                left -= len(rows)
                if left < 0:
                    raise RawDataError(f"{path} cannot be read: more than {ROWS:,} rows")
                yield rows
                progress(min(ROWS - left, total), total)
            if ROWS - left < total:  # rows were deleted
                progress(total, total)
    except sqlite3.Error as error:
        raise RawDataError(f"{path} cannot be read as the expected SQLite file ({error})") from error


def _rows_of_first_table(connection: sqlite3.Connection, query: str) -> int:
    """How many rows a query will have that joins nothing which multiplies them.

    By the last row's number, which is there at once; counting reads a file of gigabytes once more.
    """
    found = re.search(r"\bFROM (\w+)", query)
    assert found is not None
    table = found.group(1)
    try:
        last = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
    except sqlite3.OperationalError:  # a table WITHOUT ROWID
        last = ROWS + 1
    if 0 <= last <= ROWS:
        return int(last)
    count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


def decoded(row: Row) -> Row:
    """A row that was read as bytes, as texts."""
    return tuple(_text(value) if isinstance(value, bytes) else value for value in row)


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


def frame_of(rows: list[Row], schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """Rows as a frame, each value as what its column holds, or null."""
    try:
        return pl.DataFrame(rows, schema=schema, orient="row")
    except (pl.exceptions.PolarsError, TypeError, OverflowError):  # a value of another kind than its column's
        columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
        return pl.DataFrame([_column(name, kind, values) for (name, kind), values in columns])


def _column(name: str, kind: type[pl.DataType], values: tuple[object, ...]) -> pl.Series:
    if kind == pl.String:
        return pl.Series(
            name, [_text(v) if isinstance(v, bytes) else None if v is None else str(v) for v in values], kind
        )
    return pl.Series(name, [_number(v) for v in values], pl.Float64).cast(kind, strict=False)


def _number(value: object) -> float | None:
    if not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def read_all(
    path: Path, query: str, schema: dict[str, type[pl.DataType]], progress: Progress = lambda *_: None
) -> pl.DataFrame:
    """All rows of `query`; an empty result keeps the schema."""
    return pl.concat([pl.DataFrame(schema=schema), *read_batches(path, query, schema, 100_000, progress)])
