"""The file that a list means: written on another system, its names may be spelled otherwise than they are on disk."""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

_ADDRESS = re.compile(r"^file:/*(?:localhost(?=/))?(?P<path>.*)$", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DRIVE = re.compile(r"^/*[A-Za-z]:[\\/]")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_QUOTES = (('"', '"'), ("'", "'"), ("“", "”"))


def is_elsewhere(written: str) -> bool:
    """True for a stream and any other address that is not a file's."""
    return _SCHEME.match(written) is not None and not written.lower().startswith("file:")


class FileFinder:
    """Finds files below some folders by what a list says. Each folder is listed once, and only where that is needed.

    Args:
        folders: that a relative path may count from, the first being the likeliest.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        # By folder: the names in it, by what they are without letter case and composition.
        self._names: dict[str, dict[str, list[str]]] = {}

    def find(self, written: str) -> Path | None:
        """The file; null where none is there. As written first, then by another spelling that one file alone has."""
        places = [os.path.join(folder, name) for name in _meanings(written) for folder in self._folders]
        exact = next((place for place in places if os.path.isfile(place)), None)
        if exact is not None:
            return Path(exact)
        spelled = (self._spelled(place) for place in places if "\0" not in place)
        return next((Path(place) for place in spelled if place is not None), None)

    def expected(self, written: str) -> Path:
        """Where the file would be if it were there."""
        name = next((n for n in _meanings(written) if "\\" not in n and not n.lower().startswith("file:")), written)
        return self._folders[0] / name

    def _spelled(self, place: str) -> str | None:
        """Go down from the root, name by name."""
        parts = PurePosixPath(place).parts
        found = parts[0]
        for part in parts[1:]:
            exact = os.path.join(found, part)
            if not os.path.lexists(exact):
                name = self._only(found, part)
                if name is None:
                    return None
                exact = os.path.join(found, name)
            found = exact
        return found if os.path.isfile(found) else None

    def _only(self, folder: str, name: str) -> str | None:
        """The one name of the folder that differs by composition at most, else by letter case as well."""
        alike = self._listed(folder).get(_plain(name), [])
        composed = unicodedata.normalize("NFC", name)
        same = [other for other in alike if unicodedata.normalize("NFC", other) == composed]
        chosen = same or alike
        return chosen[0] if len(chosen) == 1 else None

    def _listed(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._names:
            names: dict[str, list[str]] = {}
            try:
                for name in os.listdir(folder):
                    # Some programs encode blanks and leave a percent sign that is part of the name.
                    for key in {_plain(name), _plain(unquote(name))}:
                        names.setdefault(key, []).append(name)
            except OSError:  # no folder, or one that may not be listed: nothing is found in it
                names = {}
            self._names[folder] = names
        return self._names[folder]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _meanings(written: str) -> Iterator[str]:
    """What the entry may mean, the most literal first."""
    bare = written.strip()
    yield from (written, bare) if written != bare else (written,)
    for begin, end in _QUOTES:
        if len(bare) > 2 and bare.startswith(begin) and bare.endswith(end):
            bare = bare[1:-1].strip()
            yield bare
    address = _ADDRESS.match(bare)
    names = [bare] if address is None else _addressed(address["path"])
    if _PERCENT.search(bare):
        names += [unquote(name, encoding=encoding) for name in names for encoding in ("utf-8", "cp1252")]
    for name in names:
        yield from _on_this_system(name)


def _addressed(path: str) -> list[str]:
    """Decoded, as written, and without the name of a computer in front."""
    return [f"/{unquote(path)}", f"/{path}", f"/{unquote(path.partition('/')[2])}"]


def _on_this_system(name: str) -> Iterator[str]:
    """Windows separates folders by backslashes, and its drives are not here: what lies below a drive may be."""
    if _DRIVE.match(name):
        parts = PureWindowsPath(name.lstrip("/")).parts[1:]
        yield from ("/".join(parts[begin:]) for begin in range(len(parts)))
        return
    yield name
    if "\\" in name:
        yield PureWindowsPath(name).as_posix()
