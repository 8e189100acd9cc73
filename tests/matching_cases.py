"""Reads the hand-written searches: what was wanted, what was found, and which of it is right."""

from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.names import SongName
from simsong_pipeline.providers.matching import Candidate, WantedSong

_FILE = Path(__file__).parent / "data" / "matching_cases.txt"


@dataclass(frozen=True)
class Case:
    """A search; `right` are the ids of the candidates that are the wanted recording, none of them perhaps."""

    wanted: WantedSong
    candidates: list[Candidate]
    right: frozenset[str]


def read_cases() -> list[Case]:
    """All of them, in the file's order."""
    blocks = [b for b in _FILE.read_text(encoding="utf-8").split("\n\n") if b.lstrip().startswith("=")]
    return [_case(number, block.strip().splitlines()) for number, block in enumerate(blocks)]


def _case(number: int, lines: list[str]) -> Case:
    artist, title, seconds = lines[0].removeprefix("=").rsplit("|", 2)
    wanted = WantedSong(SongName(artist.strip(), title.strip()), float(seconds))
    candidates, right = [], set()
    for place, line in enumerate(lines[1:]):
        name, channel, length = line[1:].rsplit("|", 2)
        video_id = f"{number}-{place}"
        candidates.append(Candidate(video_id, name.strip(), channel.strip(), float(length)))
        if line.startswith("+"):
            right.add(video_id)
    return Case(wanted, candidates, frozenset(right))
