"""Is one model worse than another? Paired, query by query."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.evaluation.bootstrap import paired_difference, resamples


@dataclass(frozen=True)
class Comparison:
    """Recall of a candidate minus that of the present model over the same queries, with its 95 % interval."""

    difference: float
    ci_low: float
    ci_high: float
    queries: int

    @property
    def worse(self) -> bool:
        """True when the whole interval lies below zero: the loss is more than the choice of queries explains."""
        return self.ci_high < 0

    @property
    def text(self) -> str:
        """One line with the figures."""
        relation = "worse than" if self.worse else "not worse than"
        return (
            f"{relation} the present model on validation: recall {self.difference:+.3f} "
            f"(95 % interval {self.ci_low:+.3f} to {self.ci_high:+.3f}, {self.queries} queries)"
        )


def compare(
    candidate: NDArray[np.float64], present: NDArray[np.float64], bootstrap: int = 2_000, seed: int = 0
) -> Comparison:
    """Compare recalls [queries] of the same queries in the same order."""
    drawn = resamples(len(candidate), bootstrap, seed)
    return Comparison(*paired_difference(candidate, present, drawn), len(candidate))
