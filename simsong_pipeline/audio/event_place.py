"""Where a track's events lie: in a file of its own, or in a row of an aggregate: its path, "#" and the row."""

import re

import polars as pl

SUFFIX = ".h5"
_ROW = re.compile(r"(.+\.h5)#(\d{1,9})")


def place_of_row(path: str, row: int) -> str:
    """How the track in a row of an aggregate is named."""
    return f"{path}#{row}"


def file_and_row(place: str) -> tuple[str, int | None]:
    """The file, and the track's row in it; null where the file is its own."""
    found = _ROW.fullmatch(place)
    return (found[1], int(found[2])) if found else (place, None)


def holds_events(path: pl.Expr) -> pl.Expr:
    """Whether a path is of events, which nothing can play."""
    return path.str.contains(r"\.h5(#\d{1,9})?$")


def playable(path: str = "path") -> pl.Expr:
    """The column of paths, null where there is nothing to play."""
    return pl.when(~holds_events(pl.col(path))).then(pl.col(path)).alias(path)
