"""How a long stage tells what it does, without knowing who listens."""

from collections.abc import Callable
from dataclasses import dataclass


def _uncounted(_name: str, _figure: int) -> None:
    """For whom figures are nothing."""


@dataclass(frozen=True)
class Events:
    """`stage` begins a stage, `progress` counts (done, total) in it, `note` says a fact, `count` a figure of the run.

    A figure's name may have a variant behind it, `embedded/ns`: a song counts once, whatever the variants.
    """

    stage: Callable[[str], None]
    progress: Callable[[int, int], None]
    note: Callable[[str], None]
    count: Callable[[str, int], None] = _uncounted

    def training_progress(self, step: int, steps: int, _: object) -> None:
        """`progress` in the form that training calls."""
        self.progress(step, steps)


SILENT = Events(lambda _: None, lambda *_: None, lambda _: None)
