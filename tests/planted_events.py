"""Sound events drawn for tests: songs as rows of features, alike by the order of their events or by nothing."""

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.event_layout import event_rows

# Chords of three pitch classes, each of which a kind of event plays.
_CHORDS = ((0, 4, 7), (2, 5, 9), (4, 7, 11), (5, 9, 0))


def event_song(rng: np.random.Generator, kinds: NDArray[np.int64], loud: float = 0.0) -> NDArray[np.float16]:
    """[events, CHANNELS] of a song whose events are of these kinds (0 to 3), with timbre noise of its own."""
    n = len(kinds)
    timbre = rng.normal(0, 15, (n, 12)) + 30 * np.eye(12)[1 + kinds] + rng.normal(0, 5, 12)
    timbre[:, 0] += 40 + loud
    pitches = rng.uniform(0, 0.3, (n, 12))
    for row, kind in zip(pitches, kinds, strict=True):
        row[list(_CHORDS[kind])] = rng.uniform(0.7, 1.0, 3)
    lengths = rng.uniform(0.15, 0.35, n)
    softest = rng.uniform(-50, -30, n) + loud
    arrays = {
        "segments_timbre": timbre,
        "segments_pitches": pitches / pitches.max(axis=1, keepdims=True),
        "segments_loudness_start": softest,
        "segments_loudness_max": softest + rng.uniform(3, 20, n),
        "segments_loudness_max_time": rng.uniform(0.01, 0.1, n),
        "segments_start": np.cumsum(lengths) - lengths,
    }
    return event_rows(arrays, float(lengths.sum()))


def songs_of_orders(count: int, events: int, seed: int = 0) -> tuple[list[NDArray[np.float16]], NDArray[np.int64]]:
    """Songs and their groups: all play every kind of event as often, and each of four groups in runs of its own length.

    Statistics of single events are those of one and the same distribution, so they tell no group from another.
    """
    rng = np.random.default_rng(seed)
    lengths = np.array([1, 2, 4, 12])
    groups = np.arange(count) % len(lengths)
    songs = []
    for group in groups:
        runs = np.repeat(np.roll(np.arange(4), int(rng.integers(4))), lengths[group])
        songs.append(event_song(rng, np.resize(runs, events)))
    return songs, groups
