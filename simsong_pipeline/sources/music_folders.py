"""Which files below a folder a person means: not what is hidden, thrown away, or a system's own."""

import os
from collections.abc import Iterator
from pathlib import Path

# Recycle bins of disk stations and Windows, their indexes and thumbnails, what archives and file systems leave.
_NO_FOLDERS = frozenset(
    {
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "@eadir",
        "@recently-snapshot",
        "@recycle",
        "@sharebin",
        "@tmp",
        "__macosx",
        "found.000",
        "lost+found",
        "network trash folder",
        "system volume information",
        "temporary items",
    }
)


def is_passed_by(name: str) -> bool:
    """True for what is hidden, the `._` files of macOS among it, and for a system's own folder, by its name."""
    return name.startswith(".") or name.lower() in _NO_FOLDERS


def files_below(root: Path, suffixes: frozenset[str]) -> list[Path]:
    """Files with one of the suffixes, whatever its letter case, by path; what lies above `root` may be called anything.

    A folder that may not be listed is passed over, as are links to folders: a tree of raw data has none.
    """
    return sorted(Path(path) for path in _below(str(root), suffixes))


def _below(root: str, suffixes: frozenset[str]) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not is_passed_by(name)]
        for name in names:
            path = os.path.join(folder, name)
            if not is_passed_by(name) and os.path.splitext(name)[1].lower() in suffixes and os.path.isfile(path):
                yield path
