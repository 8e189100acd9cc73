"""What a person does not want to be suggested: `never.txt` in the home, one track or artist id a line."""

import os
from dataclasses import dataclass

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import write_bytes
from simsong_pipeline.home.workspace import Workspace

_ARTIST = "artist "
_REMARK = "  #"


@dataclass(frozen=True)
class Entry:
    """A line of the list: the id of a song or an artist, and what is written beside it, its name as a rule."""

    identity: str
    remark: str
    artist: bool


@dataclass(frozen=True)
class Never:
    """Ids of songs and of artists."""

    tracks: list[str]
    artists: list[str]


def never_suggested(workspace: Workspace) -> Never:
    """The list; empty where there is none."""
    entries = never_list(workspace)
    return Never([e.identity for e in entries if not e.artist], [e.identity for e in entries if e.artist])


def never_list(workspace: Workspace) -> list[Entry]:
    """The list with its remarks, in order. What follows two blanks and a '#' is a remark."""
    return [_parsed(line) for line in _lines(workspace) if _entry(line)]


def listed(workspace: Workspace, words: str) -> list[Entry]:
    """The entries whose id or remark `words` are, whatever the case."""
    wanted = words.strip().casefold()
    return [e for e in never_list(workspace) if wanted in (e.identity.casefold(), e.remark.casefold())]


def _lines(workspace: Workspace) -> list[str]:
    path = f"{workspace.home}/never.txt"  # each question reads it: a path's machinery takes longer than the look
    try:
        if not os.path.isfile(path):
            return []
        with open(path, encoding="utf-8-sig") as file:
            return file.read().splitlines()
    except UnicodeDecodeError as error:
        raise RawDataError(f"{path} is not in UTF-8: save it as UTF-8, or delete it") from error


def _entry(line: str) -> str:
    """The id; an artist's may hold a '#' of its own."""
    return line.split(_REMARK, maxsplit=1)[0].strip()


def _parsed(line: str) -> Entry:
    entry, remark = _entry(line), line.partition(_REMARK)[2].strip()
    return Entry(entry.removeprefix(_ARTIST).strip(), remark, entry.startswith(_ARTIST))


def change_never(workspace: Workspace, identity: str, remark: str, artist: bool, forget: bool) -> bool:
    """Put a song or an artist on the list, or take it off; whether that changed anything."""
    if len(identity.splitlines()) != 1:
        raise RawDataError(
            f"{identity!r} has a line break, and never.txt has an id a line: give the artist another name"
        )
    lines = _lines(workspace)
    entry = f"{_ARTIST}{identity}" if artist else identity
    there = [line for line in lines if _entry(line) == entry]
    if bool(there) != forget:
        return False
    added = f"{entry}{_REMARK} {' '.join(remark.split())}"  # one line, whatever a title holds
    kept = [line for line in lines if line not in there] if forget else [*lines, added]
    write_bytes(workspace.home / "never.txt", "".join(f"{line}\n" for line in kept).encode())
    return True
