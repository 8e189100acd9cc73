"""Channels to one: their mean, or the loudest one where they cancel each other out."""

import numpy as np
from numpy.typing import NDArray


def mixed(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mono [n] of planes [channels, n].

    The mean, unless it has less than a quarter of the power that the loudest channel mixed with silence would leave.
    For two channels of equal power that is a correlation below -0.87: one is the other one upside down, or nearly.
    Music that is merely wide is far from it.
    """
    channels: list[NDArray[np.float32]] = list(planes)
    mean = channels[0].copy()
    for channel in channels[1:]:
        mean += channel
    mean /= np.float32(len(channels))
    powers = [_power(channel) for channel in channels]
    loudest = int(np.argmax(powers))
    is_cancelled = _power(mean) < powers[loudest] / (4 * len(channels) ** 2)
    return np.ascontiguousarray(channels[loudest]) if is_cancelled else mean


def _power(samples: NDArray[np.float32]) -> float:
    return float(np.dot(samples, samples))
