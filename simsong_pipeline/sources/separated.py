"""Rows of a CSV as people's programs write it: commas, semicolons, tabs or bars, told by the header."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

_SEPARATORS = (",", ";", "\t", "|")
# As Excel writes where another separator is meant than the system's.
_STATED = "sep="


@dataclass(frozen=True)
class Table:
    """Names of the columns in small letters, rows by the number of their line, and lines that are no row, with why."""

    columns: list[str]
    rows: list[tuple[int, list[str]]]
    malformed: list[tuple[int, str]]


def parse_table(text: str, column: str) -> Table:
    """All rows, blanks around each cell left out; a row of another length than the header costs that row.

    Args:
        column: a name that the header has; the separator is the one by which it does.
    """
    lines = list(io.StringIO(text, newline=""))
    begin = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    separators: tuple[str, ...] = _SEPARATORS
    stated = lines[begin].strip() if begin < len(lines) else ""
    if stated.lower().startswith(_STATED) and len(stated) == len(_STATED) + 1:
        separators, begin = (stated[-1],), begin + 1
    headers = [(s, next(_records(lines, begin, s), (0, None))[1] or []) for s in separators]
    separator, header = max(headers, key=lambda pair: (column in _names(pair[1]), len(pair[1])))
    rows, malformed = _rows(lines, begin, separator, len(header))
    return Table(_names(header), rows, malformed)


def _names(header: list[str]) -> list[str]:
    return [name.strip().casefold() for name in header]


def _rows(
    lines: list[str], begin: int, separator: str, width: int
) -> tuple[list[tuple[int, list[str]]], list[tuple[int, str]]]:
    rows, malformed = [], []
    records = _records(lines, begin, separator, width)
    next(records, None)
    for number, record in records:
        cells = [cell.strip() for cell in record or []]
        if record is None:
            malformed.append((number, "a quote that is not closed, or a field without end"))
        elif (len(cells) < width and any(cells)) or any(cells[width:]):
            malformed.append((number, f"{len(cells)} fields in place of {width}"))
        elif any(cells):
            rows.append((number, cells[:width]))
    return rows, malformed


def _records(
    lines: list[str], begin: int, separator: str, width: int | None = None
) -> Iterator[tuple[int, list[str] | None]]:
    """Line numbers from one and fields; null where a quote swallows what follows: then the next line is read again."""
    at = begin
    while at < len(lines):
        start, reader = at, csv.reader(_from(lines, at), delimiter=separator)
        try:
            for record in reader:
                end = start + reader.line_num
                several = end - at > 1
                if (several and width is not None and len(record) != width) or _is_open(lines, at, end, separator):
                    break
                yield at + 1, record
                at = end
        except csv.Error:  # a field that is longer than any name
            pass
        if at < len(lines):
            yield at + 1, None
            at += 1


def _from(lines: list[str], begin: int) -> Iterator[str]:
    for number in range(begin, len(lines)):
        yield lines[number]


def _is_open(lines: list[str], begin: int, end: int, separator: str) -> bool:
    """True where a quote of the last record is not closed."""
    if end < len(lines):
        return False
    try:
        list(csv.reader(_from(lines[:end], begin), delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False
