"""Parsers of the Million Song Dataset's text files. Each takes an open text handle."""

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

import polars as pl

from simsong_pipeline.errors import RawDataError

SEPARATOR = "<SEP>"
_TRACK = re.compile(r"^\s*\w+\s*(?:<SEP>|$)")
_ARTIST = re.compile(r"AR\w+")
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


def parse_mismatches(handle: TextIO, malformed: list[str] | None = None) -> pl.DataFrame:
    """`sid_mismatches.txt`: track_id, song_id, detail (what the two ids name).

    Args:
        malformed: gets the lines that are not of the form `ERROR: <SO… TR…> a  -  b  !=  c  -  d`, which are left out.

    Raises:
        RawDataError: such a line, where nobody takes it or the file has no other.
    """
    rows, bad = [], []
    for number, line in _lines(handle):
        match = _MISMATCH.match(line)
        if match is None:
            bad.append(f"line {number}: not a mismatch record: {line[:80]!r}")
        else:
            rows.append((match["track_id"], match["song_id"], match["detail"]))
    _hand_over(handle, bad, malformed, len(rows))
    return pl.DataFrame(rows, schema={"track_id": pl.String, "song_id": pl.String, "detail": pl.String}, orient="row")


def parse_artists(handle: TextIO) -> list[str]:
    """`artists_test.txt`: the ids, each once and in order.

    Raises:
        RawDataError: a line is no artist's id.
    """
    found: set[str] = set()
    for number, line in _lines(handle):
        if _ARTIST.fullmatch(line.strip()) is None:
            raise RawDataError(f"{_name(handle)}, line {number}: no artist's id: {line[:80]!r}")
        found.add(line.strip())
    return sorted(found)


def parse_duplicates(handle: TextIO, malformed: list[str] | None = None) -> pl.DataFrame:
    """`msd_duplicates.txt`: clique number and track_id, in the file's order; `%` starts a clique.

    Args:
        malformed: as in `parse_mismatches`, of lines that stand in no clique or begin with no track id.

    Raises:
        RawDataError: as there.
    """
    clique, rows, bad = -1, [], []
    for number, line in _lines(handle):
        if line.startswith("#"):
            continue
        if line.startswith("%"):
            clique += 1
        elif clique < 0:
            bad.append(f"line {number}: a track id before the first '%' line")
        elif _TRACK.match(line) is None:
            bad.append(f"line {number}: no track id: {line[:80]!r}")
        else:
            rows.append((clique, line.split(SEPARATOR)[0].strip()))
    _hand_over(handle, bad, malformed, len(rows))
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


def _hand_over(handle: TextIO, bad: list[str], malformed: list[str] | None, good: int) -> None:
    if bad and (malformed is None or not good):
        raise RawDataError(f"{_name(handle)}, {bad[0]}")
    if malformed is not None:
        malformed.extend(bad)


def _lines(handle: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(handle, start=1):
        stripped = line.removeprefix("\ufeff").rstrip("\r\n")
        if stripped.strip():
            yield number, stripped


def _name(handle: TextIO) -> str:
    return getattr(handle, "name", "text file")
