"""Listens to a run: how long each of its stages took, and the figures that it told."""

import re
import time
from collections.abc import Callable

from simsong_pipeline.home.events import Events
from simsong_pipeline.logs import at

_NUMBER = re.compile(r"\d+")
_ADDRESS = re.compile(r"\S*(://|/)\S*")


class Watch:
    """The figures of a run, or of a step of one.

    Attributes:
        stage_seconds: of the stages that have ended; `ended` ends the last.
        counts: by their names, a variant's apart (`embedded/ns`).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.stage_seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self._clock, self._stage, self._since = clock, "", clock()

    def events(self, told: Events) -> Events:
        """What a run tells, on its way to who else listens."""

        def stage(name: str) -> None:
            self._begin(stage_label(name))
            told.stage(name)

        def count(name: str, figure: int) -> None:
            self.counts[name] = self.counts.get(name, 0) + figure
            told.count(name, figure)

        return Events(stage, told.progress, told.note, count)

    @property
    def seconds(self) -> float:
        """Of all stages together."""
        return round(sum(self.stage_seconds.values()), 3)

    def ended(self) -> None:
        """The last stage is over."""
        self._begin("")

    def _begin(self, name: str) -> None:
        now = self._clock()
        if self._stage:
            before = self.stage_seconds.get(self._stage, 0.0)
            self.stage_seconds[self._stage] = round(before + now - self._since, 3)
        self._stage, self._since = name, now
        at(stage=name)


def stage_label(name: str) -> str:
    """A stage's name without numbers and addresses, so that there are a few of them in all."""
    return _NUMBER.sub("N", _ADDRESS.sub("(address)", name))


def of_songs(counts: dict[str, int]) -> dict[str, int]:
    """Counts without variants: a song counts once, the most of a variant."""
    songs: dict[str, int] = {}
    for name, figure in counts.items():
        plain = name.partition("/")[0]
        songs[plain] = max(songs.get(plain, 0), figure)
    return songs
