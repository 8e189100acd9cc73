"""What a person does not want to be suggested: `never.txt` in the home, one track or artist id a line."""

from dataclasses import dataclass

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import write_bytes
from simsong_pipeline.pipeline.workspace import Workspace

_ARTIST = "artist "


@dataclass(frozen=True)
class Never:
    """Ids of songs and of artists."""

    tracks: list[str]
    artists: list[str]


def never_suggested(workspace: Workspace) -> Never:
    """The list; empty where there is none. What follows two blanks and a '#' is a remark."""
    lines = [_entry(line) for line in _lines(workspace)]
    artists = [line.removeprefix(_ARTIST).strip() for line in lines if line.startswith(_ARTIST)]
    return Never([line for line in lines if line and not line.startswith(_ARTIST)], artists)


def _lines(workspace: Workspace) -> list[str]:
    path = workspace.home / "never.txt"
    try:
        return path.read_text(encoding="utf-8-sig").splitlines() if path.is_file() else []
    except UnicodeDecodeError as error:
        raise RawDataError(f"{path} is not in UTF-8: save it as UTF-8, or delete it") from error


def _entry(line: str) -> str:
    """The id; an artist's may hold a '#' of its own."""
    return line.split("  #", maxsplit=1)[0].strip()


def change_never(workspace: Workspace, identity: str, remark: str, artist: bool, forget: bool) -> bool:
    """Put a song or an artist on the list, or take it off; whether that changed anything."""
    lines = _lines(workspace)
    entry = f"{_ARTIST}{identity}" if artist else identity
    there = [line for line in lines if _entry(line) == entry]
    if bool(there) != forget:
        return False
    kept = [line for line in lines if line not in there] if forget else [*lines, f"{entry}  # {remark}"]
    write_bytes(workspace.home / "never.txt", "".join(f"{line}\n" for line in kept).encode())
    return True
