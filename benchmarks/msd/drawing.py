"""Draws sound events and bags of words for the songs of `benchmarks.scale`, whose communities sound and sing alike.

A song's timbre lies around its community's, its artist's and its own; its pitches follow its community's scale, turned
into its own key; and a part of its words is its community's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale.drawing import Songs

Floats = NDArray[np.float64]
# Deviations of timbre in the data set's units: of communities, artists, songs, and of a song's events.
_COMMUNITY, _ARTIST, _SONG, _EVENT = 12.0, 10.0, 14.0, 25.0
_LOUDNESS, _WORDS_A_SONG, _OWN_WORDS, _TOPIC = 40.0, 120, 0.25, 40


@dataclass(frozen=True)
class SoundEvents:
    """A song's arrays of /analysis, by the names of the data set, and its seconds."""

    arrays: dict[str, Floats]
    seconds: float


class Drawing:
    """Songs by number, the same for the same seed whichever of them are asked for.

    Args:
        events: of a song on average; the data set's have some 900.
        words: that there are; the commonest come first.
    """

    def __init__(self, songs: Songs, seed: int, events: int, words: int = 5_000) -> None:
        self._songs, self._seed, self._events, self._words = songs, seed, events, words
        common = 1 / np.arange(2, words + 2)
        self._common = np.cumsum(common / common.sum())

    def sound(self, number: int) -> SoundEvents:
        """The events of a song."""
        rng = self._rng(10, number)
        count = max(12, int(rng.normal(self._events, self._events / 4)))
        lengths = rng.gamma(4.0, 0.07, count) + 0.05
        starts = np.cumsum(lengths) - lengths
        timbre = self._timbre(number, rng, count)
        loudness = timbre[:, 0] - 60
        arrays = {
            "segments_start": starts,
            "segments_timbre": timbre,
            "segments_pitches": self._pitches(number, rng, count),
            "segments_loudness_start": loudness - rng.gamma(2.0, 3.0, count),
            "segments_loudness_max": loudness,
            "segments_loudness_max_time": lengths * rng.random(count) * 0.5,
            "segments_confidence": rng.random(count),
        }
        return SoundEvents({name: np.asarray(values, np.float64) for name, values in arrays.items()}, lengths.sum())

    def _timbre(self, number: int, rng: np.random.Generator, count: int) -> Floats:
        community = self._of_community(number)
        centre = community.normal(0, _COMMUNITY, 12)
        spread = np.exp(community.normal(0, 0.3, (12, 1))) * (np.eye(12) + community.normal(0, 0.25, (12, 12)))
        centre = centre + self._rng(12, int(self._songs.artists[number])).normal(0, _ARTIST, 12)
        centre = centre + rng.normal(0, _SONG, 12)
        timbre: Floats = centre + rng.normal(0, _EVENT, (count, 12)) @ spread.T
        timbre[:, 0] = np.clip(_LOUDNESS + timbre[:, 0] / 4, 0, 60)
        return timbre

    def _pitches(self, number: int, rng: np.random.Generator, count: int) -> Floats:
        scale = self._of_community(number, 1).dirichlet(np.full(12, 0.6))
        heard = np.roll(scale, int(rng.integers(12))) * rng.gamma(1.0, 1.0, (count, 12)) + 1e-3
        pitches: Floats = heard / heard.max(axis=1, keepdims=True)
        return pitches

    def bag(self, number: int) -> dict[int, int]:
        """Counts by the number of the word."""
        rng = self._rng(11, number)
        total = 20 + int(rng.exponential(_WORDS_A_SONG))
        common = np.searchsorted(self._common, rng.random(total))
        topic = self._of_community(number, 2).integers(50, self._words, _TOPIC)
        words = np.where(rng.random(total) < _OWN_WORDS, rng.choice(topic, total), common)
        found, counts = np.unique(words, return_counts=True)
        return dict(zip(found.tolist(), counts.tolist(), strict=True))

    def _of_community(self, number: int, what: int = 0) -> np.random.Generator:
        return self._rng(13 + what, int(self._songs.begins[number]))

    def _rng(self, *what: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, *what])
