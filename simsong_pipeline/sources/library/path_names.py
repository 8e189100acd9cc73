"""What a path says of a recording without tags: "Artist - Title", or Artist/Album/01 Title."""

import re
from dataclasses import dataclass
from pathlib import Path

_NUMBER = re.compile(r"^\s*(?:\d{1,2}[-.])?\d{1,3}(?:\s*[-.)_]\s*|\s+)(?=\S)")
_DISC = re.compile(r"^(?:cd|disc|disk)\s*\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class PathNames:
    """Null where the path does not say. The title is the file's name at least."""

    artist: str | None
    release: str | None
    title: str


def named_by_path(path: Path) -> PathNames:
    """Read a path as people arrange their music.

    "Artist - Title" in the file's name is taken at its word. Otherwise a name that begins with a track number lies in
    an album's folder, and that in the artist's; a folder "CD 1" between them is passed over.
    """
    numbered = _NUMBER.match(path.stem) is not None
    stem = _NUMBER.sub("", path.stem) if numbered else path.stem
    parts = [part.strip() for part in re.split(r"\s+[-–—]\s+", stem)]
    if len(parts) >= 2 and all(parts):
        return PathNames(parts[0], None, parts[-1])
    folders = [name for name in path.parts[1:-1] if not _DISC.match(name)]
    if numbered and len(folders) >= 2:
        return PathNames(folders[-2], folders[-1], stem.strip())
    return PathNames(None, None, stem.strip())
