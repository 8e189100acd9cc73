"""Parsers of the Million Song Dataset's text files. Each takes an open text handle."""

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

import polars as pl

from simsong_pipeline.errors import RawDataError

SEPARATOR = "<SEP>"
_MISMATCH = re.compile(r"^ERROR: <(?P<song_id>\w+) (?P<track_id>\w+)> (?P<detail>.*)$")


def parse_unique_tracks(handle: TextIO) -> pl.DataFrame:
    """`unique_tracks.txt`: track_id, song_id, artist_name, title.

    Raises:
        RawDataError: a line has another number of fields.
    """
    return _parse_separated(handle, ["track_id", "song_id", "artist_name", "title"])


def parse_artist_locations(handle: TextIO) -> pl.DataFrame:
    """`artist_location.txt`: artist_id, latitude, longitude, artist_name, location."""
    frame = _parse_separated(handle, ["artist_id", "latitude", "longitude", "artist_name", "location"])
    return frame.with_columns(pl.col("latitude", "longitude").cast(pl.Float64))


def parse_mismatches(handle: TextIO) -> pl.DataFrame:
    """`sid_mismatches.txt`: track_id, song_id, detail (what the two ids name).

    Raises:
        RawDataError: a line is not of the form `ERROR: <SO… TR…> a  -  b  !=  c  -  d`.
    """
    rows = []
    for number, line in _lines(handle):
        match = _MISMATCH.match(line)
        if match is None:
            raise RawDataError(f"{_name(handle)}, line {number}: not a mismatch record: {line[:80]!r}")
        rows.append((match["track_id"], match["song_id"], match["detail"]))
    return pl.DataFrame(rows, schema={"track_id": pl.String, "song_id": pl.String, "detail": pl.String}, orient="row")


def parse_duplicates(handle: TextIO) -> pl.DataFrame:
    """`msd_duplicates.txt`: clique number and track_id, in the file's order; `%` starts a clique."""
    clique, rows = -1, []
    for number, line in _lines(handle):
        if line.startswith("#"):
            continue
        if line.startswith("%"):
            clique += 1
        elif clique < 0:
            raise RawDataError(f"{_name(handle)}, line {number}: a track id before the first '%' line")
        else:
            rows.append((clique, line.split(SEPARATOR)[0].strip()))
    return pl.DataFrame(rows, schema={"clique": pl.Int64, "track_id": pl.String}, orient="row")


def _parse_separated(handle: TextIO, columns: list[str]) -> pl.DataFrame:
    rows = []
    for number, line in _lines(handle):
        # The last field may itself hold the separator's characters; the first ones never do.
        fields = line.split(SEPARATOR, len(columns) - 1)
        if len(fields) != len(columns):
            raise RawDataError(
                f"{_name(handle)}, line {number}: {len(fields)} fields in place of {len(columns)}: {line[:80]!r}"
            )
        rows.append(fields)
    return pl.DataFrame(rows, schema={name: pl.String for name in columns}, orient="row")


def _lines(handle: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(handle, start=1):
        stripped = line.rstrip("\r\n")
        if stripped:
            yield number, stripped


def _name(handle: TextIO) -> str:
    return getattr(handle, "name", "text file")
