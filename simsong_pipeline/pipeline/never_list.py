"""What a person does not want to be suggested: `never.txt` in the home, one track or artist id a line."""

from dataclasses import dataclass

from simsong_pipeline.files import write_bytes
from simsong_pipeline.pipeline.workspace import Workspace

_ARTIST = "artist "


@dataclass(frozen=True)
class Never:
    """Ids of songs and of artists."""

    tracks: list[str]
    artists: list[str]


def never_suggested(workspace: Workspace) -> Never:
    """The list; empty where there is none. A line's part after '#' is a remark."""
    path = workspace.home / "never.txt"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    artists = [line.removeprefix(_ARTIST).strip() for line in lines if line.startswith(_ARTIST)]
    return Never([line for line in lines if line and not line.startswith(_ARTIST)], artists)


def change_never(workspace: Workspace, identity: str, remark: str, artist: bool, forget: bool) -> bool:
    """Put a song or an artist on the list, or take it off; whether that changed anything."""
    path = workspace.home / "never.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    entry = f"{_ARTIST}{identity}" if artist else identity
    there = [line for line in lines if line.split("#")[0].strip() == entry]
    if bool(there) != forget:
        return False
    kept = [line for line in lines if line not in there] if forget else [*lines, f"{entry}  # {remark}"]
    write_bytes(path, "".join(f"{line}\n" for line in kept).encode())
    return True
