"""Splits lists of similar tracks, "TRa,score,TRb,score,…", as bytes: none of 56 million pairs becomes an object.

Only lists of ids of the usual width with plain scores are split here; whatever else there is, is told apart and left.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.similarity import Lists
from simsong_pipeline.sources.id_table import WIDTH, IdTable

Row = tuple[object, ...]
_Text = NDArray[np.uint8]
_Places = NDArray[np.int64]
_COMMA, _END, _POINT, _ZERO = b",\n.0"
# Digits of an integer that float64 holds, with its point.
_LONGEST = 16
_SCORE = re.compile(rb"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class SplitLists:
    """Lists whose tracks are numbers, and the rows that are no such lists."""

    lists: Lists
    odd: list[Row]


def split_lists(rows: list[Row], table: IdTable) -> SplitLists:
    """Split rows of (track id, list), both as bytes; pairs with an end that the table does not know are left out."""
    plain: list[Row] = []
    odd: list[Row] = []
    for row in rows:
        (plain if _is_text(row) else odd).append(row)
    while True:
        found, strange = _split(plain, table)
        if found is not None:
            return SplitLists(found, odd)
        odd += [row for row, is_odd in zip(plain, strange, strict=True) if is_odd]
        plain = [row for row, is_odd in zip(plain, strange, strict=True) if not is_odd]


def _is_text(row: Row) -> bool:
    """Whether a row can be joined with others: bytes of one line, a letter each."""
    tid, target = row
    if not (isinstance(tid, bytes) and isinstance(target, bytes)):
        return False
    return len(tid) == WIDTH and tid.isascii() and target.isascii() and b"\n" not in target


def _split(rows: list[Row], table: IdTable) -> tuple[Lists | None, list[bool]]:
    """The lists, or else which rows are no lists of pairs."""
    joined = b"\n".join([*(target for _, target in rows if isinstance(target, bytes)), bytes(_LONGEST + WIDTH)])
    text = np.frombuffer(joined, np.uint8)
    ends = np.flatnonzero((text == _COMMA) | (text == _END))
    last = np.flatnonzero(text[ends] == _END)
    lengths = np.diff(last, prepend=-1)
    if (lengths % 2).any():
        return None, (lengths % 2 == 1).tolist()
    starts = np.append(0, ends[:-1] + 1) if len(ends) else ends
    scores = _scores(text, joined, starts[1::2], ends[1::2])
    strange = np.isnan(scores) | (ends[::2] - starts[::2] != WIDTH)
    own = np.repeat(np.arange(len(rows)), lengths // 2)
    if strange.any():
        return None, (np.bincount(own[strange], minlength=len(rows)) > 0).tolist()
    owners = table.numbers(*_of_ids([tid for tid, _ in rows if isinstance(tid, bytes)]))
    neighbours = table.numbers(text, starts[::2])
    kept = (neighbours >= 0) & (owners >= 0)[own]
    counts = np.bincount(own[kept], minlength=len(rows))[owners >= 0]
    known = owners[owners >= 0].astype(np.uint32)
    return Lists(known, counts, neighbours[kept].astype(np.uint32), scores[kept]), []


def _of_ids(tids: list[bytes]) -> tuple[_Text, _Places]:
    return np.frombuffer(b"".join([*tids, bytes(WIDTH)]), np.uint8), np.arange(0, WIDTH * len(tids), WIDTH)


def _scores(text: _Text, joined: bytes, starts: _Places, ends: _Places) -> NDArray[np.float64]:
    """The number between each start and end, NaN where there is none. `text` goes on for `_LONGEST` bytes."""
    lengths = ends - starts
    scores = _decimals(text, starts, lengths)
    for at in np.flatnonzero(np.isnan(scores)).tolist():  # a small one is written as 7.86735e-05
        token = joined[starts[at] : ends[at]]
        if _SCORE.fullmatch(token):
            scores[at] = float(token)
    return scores


def _decimals(text: _Text, starts: _Places, lengths: _Places) -> NDArray[np.float64]:
    """Digits with a point or none, at most `_LONGEST` characters; NaN for others.

    The digits make an integer that is divided by a power of ten: both are exact, so the quotient is the nearest float.
    """
    width = min(_LONGEST, int(lengths.max(initial=0)))
    letters = np.lib.stride_tricks.sliding_window_view(text, max(1, width))[starts]
    value, places = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int8)
    is_after, is_plain = np.zeros(len(starts), bool), (lengths > 0) & (lengths <= width)
    for at in range(width):
        inside, digits = at < lengths, letters[:, at] - np.uint8(_ZERO)
        is_digit, is_point = inside & (digits < 10), inside & (letters[:, at] == _POINT)
        is_plain &= (is_digit | is_point | ~inside) & ~(is_point & is_after)
        value = np.where(is_digit, value * 10 + digits, value)
        places += is_digit & is_after
        is_after |= is_point
    is_plain &= lengths > is_after  # a point alone is no number
    return np.where(is_plain, value / 10.0**places, np.nan)
