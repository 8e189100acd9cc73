"""Features of sound events, as the Million Song Dataset has them: which columns of a row are what."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

# Another meaning of the columns makes every row obsolete.
REVISION = "events-1"

TIMBRE = slice(0, 12)  # coefficients, the first of them the event's mean loudness
PITCHES = slice(12, 24)  # of the twelve pitch classes from C up; the strongest is 1
LOUDNESS_START, LOUDNESS_MAX, LOUDNESS_MAX_TIME = 24, 25, 26  # dB, dB, seconds from the event's start
DURATION = 27  # seconds; 0 is no event
CHANNELS = 28

_SHORTEST_S = 1e-3


def event_rows(arrays: Mapping[str, NDArray[np.floating]], duration_s: float) -> NDArray[np.float16]:
    """Rows [events, CHANNELS] of a track's arrays.

    Args:
        arrays: segments_timbre and segments_pitches [n, 12]; segments_loudness_start, segments_loudness_max,
            segments_loudness_max_time and segments_start [n], the last in seconds from the track's start.
        duration_s: of the track, where the last event ends.
    """
    starts = np.asarray(arrays["segments_start"], np.float64)
    rows = np.zeros((len(starts), CHANNELS), np.float32)
    rows[:, TIMBRE] = arrays["segments_timbre"]
    rows[:, PITCHES] = arrays["segments_pitches"]
    rows[:, LOUDNESS_START] = arrays["segments_loudness_start"]
    rows[:, LOUDNESS_MAX] = arrays["segments_loudness_max"]
    rows[:, LOUDNESS_MAX_TIME] = arrays["segments_loudness_max_time"]
    rows[:, DURATION] = np.maximum(np.diff(starts, append=np.fmax(duration_s, starts[-1])), _SHORTEST_S)
    return rows.astype(np.float16)


def event_starts(rows: NDArray[np.float16]) -> NDArray[np.float64]:
    """[events] in seconds from the first event's start."""
    lengths = rows[:, DURATION].astype(np.float64)
    return np.cumsum(lengths) - lengths
