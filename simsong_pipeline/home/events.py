"""How a long stage tells what it does, without knowing who listens."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Events:
    """`stage` begins a stage, `progress` counts (done, total) in it, `note` says a fact."""

    stage: Callable[[str], None]
    progress: Callable[[int, int], None]
    note: Callable[[str], None]

    def training_progress(self, step: int, steps: int, _: object) -> None:
        """`progress` in the form that training calls."""
        self.progress(step, steps)
