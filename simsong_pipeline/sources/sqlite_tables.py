"""Reads tables of SQLite files into Polars in batches, with errors that name the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError


def read_batches(
    path: Path, query: str, schema: dict[str, type[pl.DataType]], batch_rows: int
) -> Iterator[pl.DataFrame]:
    """Yield the rows of `query` as frames of at most `batch_rows`; the file is opened read-only.

    Raises:
        RawDataError: the file is missing, not SQLite, or lacks the table or a column.
    """
    if not path.is_file():
        raise RawDataError(f"no such file: {path}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(query)
            while rows := cursor.fetchmany(batch_rows):
                yield pl.DataFrame(rows, schema=schema, orient="row", strict=False)
    except sqlite3.Error as error:
        raise RawDataError(f"{path} cannot be read as the expected SQLite file ({error})") from error


def read_all(path: Path, query: str, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """All rows of `query`; an empty result keeps the schema."""
    return pl.concat([pl.DataFrame(schema=schema), *read_batches(path, query, schema, 100_000)])
