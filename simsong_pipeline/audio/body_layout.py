"""What a pretrained body gives for a patch: which columns are which layer, what they weigh, what tags are called."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.config import PipelineConfig


@dataclass(frozen=True)
class BodyLayout:
    """The columns of features [patches, width], in order: last hidden layer, mean pool, max pool, tags.

    Attributes:
        last: width of the last but one layer.
        pooled: channels whose mean and maximum over time are given.
        labels: number of tags.
    """

    last: int
    pooled: int
    labels: int

    @property
    def penultimate(self) -> slice:
        """The layer before the tags."""
        return slice(0, self.last)

    @property
    def mean_pool(self) -> slice:
        """Means over time of all channels, standardised."""
        return slice(self.last, self.last + self.pooled)

    @property
    def max_pool(self) -> slice:
        """Maxima over time of all channels, standardised."""
        return slice(self.last + self.pooled, self.last + 2 * self.pooled)

    @property
    def tags(self) -> slice:
        """Probabilities of the tags."""
        return slice(self.last + 2 * self.pooled, self.width)

    @property
    def width(self) -> int:
        """All columns."""
        return self.last + 2 * self.pooled + self.labels


MUSICNN_LAYOUT = BodyLayout(last=200, pooled=753, labels=50)

# Songs' variance around their mean, summed over a layer's columns (last, mean pool, max pool), of 290 recordings by 81
# artists.
_SPREAD = {"musicnn-msd": (41.6, 144.2, 147.3), "musicnn-mtt": (29.1, 251.4, 252.3)}
# What they are to weigh. The last layer tells kinds of music and the pools tell artists; as they come, the pools would
# weigh ten times as much. Tags say less of either than the layers below them.
_SHARES = (2.0, 2.0, 1.0)


def musicnn_weights(models: Sequence[str]) -> NDArray[np.float32]:
    """[bodies x 1756] what each column of a row weighs in a song's vector."""
    layout = MUSICNN_LAYOUT
    parts = (layout.penultimate, layout.mean_pool, layout.max_pool)
    weights = np.zeros((len(models), layout.width), np.float32)
    for row, model in zip(weights, models, strict=True):
        for columns, share, spread in zip(parts, _SHARES, _SPREAD[model], strict=True):
            row[columns] = np.sqrt(share / spread)
    scaled: NDArray[np.float32] = (weights / weights.max()).reshape(-1)
    return scaled


def start_weights(config: PipelineConfig) -> NDArray[np.float32] | None:
    """[channels] what each column of a row weighs in the start; null where all weigh the same."""
    return musicnn_weights(config.body.models) if config.encoder.kind == "musicnn" else None


# In the order of the networks' outputs. The first are the fifty commonest of Last.fm's on the Million Song Dataset, the
# second those of MagnaTagATune.
_MSD = """
rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock, jazz, beautiful,
metal, chillout, male vocalists, classic rock, soul, indie rock, Mellow, electronica, 80s, folk, 90s, chill,
instrumental, punk, oldies, blues, hard rock, ambient, acoustic, experimental, female vocalist, guitar,
Hip-Hop, 70s, party, country, easy listening, sexy, catchy, funk, electro, heavy metal, Progressive rock, 60s,
rnb, indie pop, sad, House, happy
"""
_MTT = """
guitar, classical, slow, techno, strings, drums, electronic, rock, fast, piano, ambient, beat, violin, vocal,
synth, female, indian, opera, male, singing, vocals, no vocals, harpsichord, loud, quiet, flute, woman, male
vocal, no vocal, pop, soft, sitar, solo, man, classic, choir, voice, new age, dance, male voice, female vocal,
beats, harp, cello, no voice, weird, country, metal, female voice, choral
"""


def _split(names: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in names.split(","))


MUSICNN_TAGS = {"msd": _split(_MSD), "mtt": _split(_MTT)}
