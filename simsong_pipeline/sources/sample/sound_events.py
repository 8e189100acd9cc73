"""What the Million Song Dataset states of a song's sound, measured of a sample song: its events and their features.

An event begins where the spectrum rises. Its timbre is twelve fixed cosines over bands and time of its auditory
spectrum in dB, the first of them its loudness; its pitches are the power of the twelve pitch classes.
"""

from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from simsong_pipeline.sources.sample.instruments import SAMPLE_RATE

ANALYSIS_RATE = 22_050
FLOOR_DB = -60.0
_WINDOW, _HOP = 1_024, 256
_PITCH_WINDOW, _PITCH_HOP = 4_096, 2_048
_BANDS = 24
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 10_000.0
_PITCHED_HZ = (180.0, 2_500.0)
_SHORTEST_FRAMES = 6  # 70 ms
_AROUND_FRAMES = 43  # half a second, over which a rise has to stand out
_LEAST_RISE_DB = 1.0
_SURE_RISE_DB = 8.0
# Order over bands and over time of the coefficients after the first, from coarse to fine, and what scales those of
# either kind to the data set's.
_COSINES = ((1, 0), (2, 0), (0, 1), (3, 0), (1, 1), (4, 0), (2, 1), (5, 0), (0, 2), (6, 0), (3, 1))
_STEADY, _MOVING = 3.0, 7.0

Arrays = dict[str, NDArray[np.float64]]


def sound_events(stereo: NDArray[np.float32]) -> Arrays:
    """The data set's arrays of segments, by their names; starts and times in seconds, loudness in dB from -60 up.

    Args:
        stereo: [samples, 2] at `SAMPLE_RATE`.
    """
    mono = (stereo[:, 0] + stereo[:, 1]) * np.float32(0.5)
    samples = soxr.resample(mono, SAMPLE_RATE, ANALYSIS_RATE, quality="MQ")
    heard = _auditory(samples)
    rise = _rise(heard)
    begins = _event_begins(rise)
    levels = _levels(samples, len(heard))
    tops = np.maximum.reduceat(levels, begins)
    seconds = _HOP / ANALYSIS_RATE
    starts = (begins * seconds).astype(np.float64)
    return {
        "segments_start": starts,
        "segments_confidence": np.clip(rise[begins] / _SURE_RISE_DB, 0, 1).round(3),
        "segments_timbre": _timbre(heard, levels, begins).round(3),
        "segments_pitches": _pitches(samples, starts).round(3),
        "segments_loudness_start": levels[begins].round(3),
        "segments_loudness_max": tops.round(3),
        "segments_loudness_max_time": _places(levels, begins, tops) * seconds,
    }


def loudness(stereo: NDArray[np.float32]) -> float:
    """Of the whole song, in dB below full scale."""
    return round(10 * float(np.log10(np.mean(np.square(stereo)) + 1e-12)), 3)


def _auditory(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """[frames, bands] in dB below full scale, from the floor up."""
    bands = _power(samples, _WINDOW, _HOP) @ _band_weights()
    heard: NDArray[np.float32] = np.maximum(10 * np.log10(bands + 1e-12), FLOOR_DB)
    return heard


def _power(samples: NDArray[np.float32], window: int, hop: int) -> NDArray[np.float32]:
    """Power spectra of frames around every `hop` samples [frames, window // 2 + 1]; a full-scale sine's peak is 1."""
    padded = np.pad(samples, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    hann = np.hanning(window + 1)[:-1].astype(np.float32) / (window / 4)
    spectrum = fft.rfft(frames * hann, axis=1, overwrite_x=True)
    power: NDArray[np.float32] = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


@lru_cache(maxsize=1)
def _band_weights() -> NDArray[np.float32]:
    """[bins, bands]: each bin of the range in one band; bands are as wide as the ear's, in mel."""
    hertz = fft.rfftfreq(_WINDOW, 1 / ANALYSIS_RATE)
    edges = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), _BANDS + 1)
    band = np.digitize(_mel(hertz), edges) - 1
    weights: NDArray[np.float32] = (band[:, None] == np.arange(_BANDS)).astype(np.float32)
    return weights


def _mel(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(2595 * np.log10(1 + np.asarray(hertz) / 700))


def _rise(heard: NDArray[np.float32]) -> NDArray[np.float64]:
    """[frames]: by how many dB the bands rise within two frames, over what is usual around there."""
    flux = np.zeros(len(heard))
    flux[2:] = np.maximum(heard[2:] - heard[:-2], 0).mean(axis=1)
    rise: NDArray[np.float64] = flux - uniform_filter1d(flux, _AROUND_FRAMES, mode="nearest")
    return rise


def _event_begins(rise: NDArray[np.float64]) -> NDArray[np.intp]:
    """Frames at which events begin; the first at 0."""
    peaks, _ = find_peaks(rise, height=_LEAST_RISE_DB, distance=_SHORTEST_FRAMES)
    later: NDArray[np.intp] = peaks[(peaks >= _SHORTEST_FRAMES) & (peaks < len(rise) - 1)]
    return np.concatenate([np.zeros(1, np.intp), later])


def _levels(samples: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """[frames] mean power of each hop in dB, from the floor up."""
    padded = np.zeros(frames * _HOP)
    padded[: len(samples)] = np.square(samples[: frames * _HOP], dtype=np.float64)
    power = padded.reshape(frames, _HOP).mean(axis=1)
    levels: NDArray[np.float64] = np.maximum(10 * np.log10(power + 1e-12), FLOOR_DB)
    return levels


def _timbre(heard: NDArray[np.float32], levels: NDArray[np.float64], begins: NDArray[np.intp]) -> NDArray[np.float64]:
    """[events, 12]: mean loudness above the floor, then the cosines."""
    lengths = np.diff(begins, append=len(heard))
    place = (np.arange(len(heard)) - np.repeat(begins, lengths) + 0.5) / np.repeat(lengths, lengths)
    cepstrum = fft.dct(heard.astype(np.float64), axis=1, norm="ortho")
    columns = [np.add.reduceat(levels - FLOOR_DB, begins) / lengths]
    for band, time in _COSINES:
        swing = cepstrum[:, band] * np.cos(np.pi * time * place)
        columns.append((_MOVING if time else _STEADY) * np.add.reduceat(swing, begins) / lengths)
    return np.stack(columns, axis=1)


def _pitches(samples: NDArray[np.float32], starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """[events, 12] from C up, the strongest 1; all of them where nothing sounds."""
    chroma = _power(samples, _PITCH_WINDOW, _PITCH_HOP) @ _pitch_weights()
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(chroma, axis=0, dtype=np.float64)])
    first = np.minimum(np.round(starts * ANALYSIS_RATE / _PITCH_HOP).astype(int), len(chroma) - 1)
    after = np.maximum(np.append(first[1:], len(chroma)), first + 1)
    power = np.maximum(total[after] - total[first], 0)
    strongest = power.max(axis=1, keepdims=True)
    return np.where(strongest > 1e-9, np.sqrt(power / np.maximum(strongest, 1e-9)), 1.0)


@lru_cache(maxsize=1)
def _pitch_weights() -> NDArray[np.float32]:
    """[bins, 12]: each bin of the range in its pitch class, by how near it lies to the note."""
    hertz = fft.rfftfreq(_PITCH_WINDOW, 1 / ANALYSIS_RATE)
    within = (hertz >= _PITCHED_HZ[0]) & (hertz <= _PITCHED_HZ[1])
    note = 69 + 12 * np.log2(np.maximum(hertz, 1.0) / 440)
    nearness = np.cos(np.pi * (note - np.round(note))) ** 2
    classes = np.round(note).astype(int)[:, None] % 12 == np.arange(12)
    weights: NDArray[np.float32] = (classes * (nearness * within)[:, None]).astype(np.float32)
    return weights


def _places(levels: NDArray[np.float64], begins: NDArray[np.intp], tops: NDArray[np.float64]) -> NDArray[np.float64]:
    """[events]: frames from an event's begin to where it is loudest first."""
    lengths = np.diff(begins, append=len(levels))
    frames = np.arange(len(levels)) - np.repeat(begins, lengths)
    at_top = np.where(levels == np.repeat(tops, lengths), frames, len(levels))
    return np.minimum.reduceat(at_top, begins).astype(np.float64)
