"""Methods that change what is made of a recording's patches: how many, where they lie, and what stands for all."""

from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_music.material import Material, Method, Scores, cosines
from benchmarks.real_music.places import COUNTS, Places, even, spacings
from benchmarks.real_music.pooling import (
    PAIRED,
    STATISTICS,
    Statistic,
    beside_deviations,
    pairwise,
    unit_means,
)
from simsong_pipeline.learning.encoder.start import fit_start
from simsong_pipeline.lyrics.whitening import Whitening

SHARES = (0.25, 0.5, 1.0)


def patch_methods(material: Material) -> dict[str, Method]:
    """The start with other patches, or with another statistic of them, and comparisons patch by patch."""
    return _placed(material) | _statistics(material) | _by_patch(material)


def _placed(material: Material) -> dict[str, Method]:
    """As many patches as are served in other places, and other counts of them."""

    def one(places: Places) -> list[Scores]:
        return [material.started(places=places)]

    counts = {f"patches_{count}": partial(one, even(count)) for count in COUNTS}
    others = spacings(material.config.body.patches)
    # Those that are drawn are one method, by the mean of the draws.
    drawn = [places for name, places in others.items() if name.startswith("random")]
    spaced = {f"at_{name}": partial(one, p) for name, p in others.items() if not name.startswith("random")}
    return counts | spaced | {"at_random": lambda: [material.started(places=p) for p in drawn]}


def _statistics(material: Material) -> dict[str, Method]:
    """One row a recording, to which the start is fitted."""

    def single(statistic: Statistic) -> list[Scores]:
        return [material.started_on(np.stack([statistic(rows) for rows in material.patches()]), material.weights)]

    def beside(share: float) -> list[Scores]:
        return [material.started_on(*beside_deviations(material.patches(), material.weights, share))]

    def unit() -> list[Scores]:
        # The columns are weighed already; those of no weight must stay out.
        weighed = (material.weights > 0).astype(np.float32)
        return [material.started_on(unit_means(material.patches(), material.weights), weighed)]

    singles = {f"patches_{name}": partial(single, statistic) for name, statistic in STATISTICS.items()}
    return singles | {f"mean+std_{share:g}": partial(beside, share) for share in SHARES} | {"unit_patches": unit}


def _by_patch(material: Material) -> dict[str, Method]:
    """The start fitted on patches in place of songs."""

    @cache
    def start() -> Whitening:
        patches = np.vstack(material.patches())
        return fit_start(patches, material.config.encoder.embedding_dim, material.seed, material.weights)

    def vectors() -> list[NDArray[np.float32]]:
        return [start().apply(rows) for rows in material.patches()]

    found: dict[str, Method] = {
        "fitted_on_patches": lambda: [cosines(start().apply(material.features()))],
        "whitened_unit_patches": lambda: [cosines(np.stack([rows.mean(axis=0) for rows in vectors()]))],
    }
    return found | {name: partial(lambda pooled: [pairwise(vectors(), pooled)], p) for name, p in PAIRED.items()}
