"""The best candidates of each song that is asked, exactly, a block of songs at a time."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.errors import EvaluationError
from simsong_pipeline.evaluation.task import Candidates, Numbers, Task

Block = NDArray[np.float32]
# Scores of some songs [rows] for all of the gallery [rows, songs], each time a new array, or of all for all.
Scores = Block | Callable[[Numbers], Block]
Progress = Callable[[int, int], None]
# Scores of a block: 128 MB, of which a method may need a few.
_BLOCK = 1 << 25
# Pieces of a row, of which the best are compared first, for each answer that is wanted.
_PIECES = 32


def rows_of(scores: Scores, rows: Numbers) -> Block:
    """[rows, songs] the scores of these songs."""
    return scores(rows) if callable(scores) else scores[rows]


def blocks(rows: Numbers, songs: int) -> list[Numbers]:
    """The rows in as few parts as fit the memory."""
    at_once = max(1, _BLOCK // max(1, songs))
    return [rows[begin : begin + at_once] for begin in range(0, len(rows), at_once)]


def top_k(scores: Scores, task: Task, k: int, progress: Progress = lambda *_: None) -> Numbers:
    """Indices [asked, k] of each song's best candidates, best first, -1 where there are fewer than k.

    Equal scores go by column number, so that a ranking never depends on the sort's whim.

    Args:
        progress: told the songs that are ranked, and those to rank.

    Raises:
        EvaluationError: a score is not a number.
    """
    songs, found, done = task.candidates.songs, [np.zeros((0, min(k, task.candidates.songs)), np.int64)], 0
    for rows in blocks(task.asked, songs):
        found.append(_best(_allowed(_numbers(rows_of(scores, rows)), rows, task.candidates), k))
        done += len(rows)
        progress(done, len(task.asked))
    return np.concatenate(found)


def _numbers(block: Block) -> Block:
    """The block with the lowest number in place of -inf, which stands for what is no candidate."""
    least = block.min(initial=np.float32(0))
    if np.isnan(least):
        raise EvaluationError("scores hold NaN: a ranking of them would be made up")
    return np.maximum(block, np.finfo(np.float32).min) if np.isneginf(least) else block


def _allowed(block: Block, rows: Numbers, candidates: Candidates) -> Block:
    """The block with -inf for what is no candidate, in its place where that is the song itself alone."""
    if candidates.unlike is None and candidates.like is None:
        block[np.arange(len(rows)), rows] = -np.inf
        return block
    return np.where(candidates.of(rows), block, np.float32(-np.inf))


def _best(block: Block, k: int) -> Numbers:
    """[rows, k] columns of the largest; of what is -inf none.

    The k-th largest of the best of many pieces is a bound that at least k of the row reach: only those are sorted.
    """
    wanted = min(k, block.shape[1])
    found = np.flatnonzero((block >= np.maximum(_bound(block, wanted), np.finfo(np.float32).min)).ravel())
    rows, columns = np.divmod(found, block.shape[1])
    order = np.lexsort((columns, -block[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    places = np.arange(len(rows)) - np.searchsorted(rows, np.arange(len(block)))[rows]
    ranked = np.full((len(block), wanted), -1, np.int64)
    first = places < wanted
    ranked[rows[first], places[first]] = columns[first]
    return ranked


def _bound(block: Block, k: int) -> Block:
    """[rows, 1] a score that at least k of each row reach; -inf where the row is short."""
    pieces = _PIECES * k
    width = block.shape[1] // pieces
    if not width:
        return np.full((len(block), 1), -np.inf, np.float32)
    best = block[:, : pieces * width].reshape(len(block), pieces, width).max(axis=2)
    return np.partition(best, pieces - k, axis=1)[:, pieces - k, None]
