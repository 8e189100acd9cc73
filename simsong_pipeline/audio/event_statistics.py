"""Statistics of a span of sound events, by which songs are alike before anything is learned.

Means, deviations and covariances of timbre are the classic of this data set (Bertin-Mahieux et al., 2011, whose year
prediction is by 12 means and 78 covariances); harmony and times stand beside them here.
`learning.encoder.event_statistics` is the same in torch.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.event_layout import (
    DURATION,
    LOUDNESS_MAX,
    LOUDNESS_MAX_TIME,
    LOUDNESS_START,
    PITCHES,
    TIMBRE,
)

# Of each event: timbre, loudness at its start and its maximum, and the logarithms of the rise's and the event's length.
DESCRIBED = 16
_TIMES = 2  # the last of them
# Times below this are as good as none.
SHORTEST_S = 1e-3
# Pairs of timbre coefficients, and steps between pitch classes: a step and what is left of the octave are one.
PAIRS = np.array(list(combinations(range(TIMBRE.start, TIMBRE.stop), 2)))
INTERVALS = range(1, 7)

MEANS = slice(0, DESCRIBED)
DEVIATIONS = slice(DESCRIBED, 2 * DESCRIBED)
COVARIANCES = slice(DEVIATIONS.stop, DEVIATIONS.stop + len(PAIRS))
HARMONY = slice(COVARIANCES.stop, COVARIANCES.stop + len(INTERVALS))
STATISTICS = HARMONY.stop


def span_statistics(spans: NDArray[np.float32]) -> NDArray[np.float64]:
    """[n, STATISTICS] of spans [n, events, CHANNELS]; rows of duration 0 count nothing, and none at all gives 0."""
    return np.stack([_statistics(span[span[:, DURATION] > 0].astype(np.float64)) for span in spans])


def _statistics(events: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(events):
        return np.zeros(STATISTICS)
    described = described_events(events)
    mean = described.mean(axis=0)
    products = ((described - mean)[:, PAIRS[:, 0]] * (described - mean)[:, PAIRS[:, 1]]).mean(axis=0)
    return np.concatenate([mean, described.std(axis=0), products, _harmony(events[:, PITCHES])])


def described_events(events: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, DESCRIBED] of rows [n, CHANNELS]."""
    times = np.log(np.maximum(events[:, [LOUDNESS_MAX_TIME, DURATION]], SHORTEST_S))
    return np.concatenate([events[:, TIMBRE], events[:, [LOUDNESS_START, LOUDNESS_MAX]], times], axis=1)


def _harmony(pitches: NDArray[np.float64]) -> NDArray[np.float64]:
    """[INTERVALS] how far pitch classes so many semitones apart sound together: the same in every key."""
    power = np.maximum((pitches**2).sum(axis=1), 1e-6)
    together = [(pitches * np.roll(pitches, step, axis=1)).sum(axis=1) / power for step in INTERVALS]
    mean: NDArray[np.float64] = np.stack(together).mean(axis=1)
    return mean


def within_song_scales(statistics: NDArray[np.float64]) -> NDArray[np.float64]:
    """[STATISTICS] how far songs may lie apart by each statistic, judged by how far a song's own events do.

    What stands in where there are too few songs to tell.

    Args:
        statistics: [STATISTICS], mean of some songs.
    """
    deviations = statistics[DEVIATIONS]
    products = deviations[PAIRS[:, 0]] * deviations[PAIRS[:, 1]]
    return np.concatenate([deviations, deviations / 2, products / 2, np.full(len(INTERVALS), 0.1)])


def start_weights() -> NDArray[np.float32]:
    """[STATISTICS] what each standardised statistic counts in the untrained start.

    Means, deviations and covariances of timbre, harmony, and times (how long events and their rises are) count the same
    together, however many statistics each has. Means and deviations of loudness count nothing: the first timbre
    coefficient has them already.
    """
    weights = np.zeros(STATISTICS, np.float32)
    for columns in _start_groups():
        weights[columns] = np.sqrt(TIMBRE.stop / len(columns))
    return weights


def _start_groups() -> list[NDArray[np.int64]]:
    every = np.arange(STATISTICS)
    means, deviations = every[MEANS], every[DEVIATIONS]
    timbre, times = slice(0, TIMBRE.stop), slice(DESCRIBED - _TIMES, DESCRIBED)
    return [
        means[timbre],
        deviations[timbre],
        every[COVARIANCES],
        every[HARMONY],
        np.concatenate([means[times], deviations[times]]),
    ]
