"""The packages that SimSong needs, by pyproject and by what is installed: all of them, however deep."""

import platform
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
# What people install to use it; the others are for those who work on it.
ROLES = ("serve", "train", "dagster", "postgres", "ray", "edge", "s3", "youtube")


def project() -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def runtime_packages(extras: Iterable[str] = ()) -> dict[str, metadata.Distribution]:
    """Canonical names and installed packages of `simsong[extras]`, without SimSong itself.

    A package that is asked for and not installed is left out: another system's, or an extra that is not here.
    """
    found: dict[str, metadata.Distribution] = {}
    waiting, seen = _own(extras), set[tuple[str, frozenset[str]]]()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        asked = (name, frozenset(wanted.extras))
        if asked in seen or not _applies(wanted, ()):
            continue
        seen.add(asked)
        try:
            found[name] = package = metadata.distribution(wanted.name)
        except metadata.PackageNotFoundError:
            continue
        needed = map(Requirement, package.requires or [])
        waiting += [_bare(r) for r in needed if _applies(r, tuple(wanted.extras))]
    return dict(sorted(found.items()))


def _own(extras: Iterable[str]) -> list[Requirement]:
    """What pyproject asks for, its own extras resolved."""
    table, listed, seen, waiting = project(), [], set[str](), list(extras)
    listed += [Requirement(str(text)) for text in table["dependencies"]]
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for text in table["optional-dependencies"][extra]:
            wanted = Requirement(text)
            if wanted.name == "simsong":
                waiting += wanted.extras
            else:
                listed.append(wanted)
    return listed


def _applies(wanted: Requirement, extras: tuple[str, ...]) -> bool:
    """Whether a requirement counts on this machine, for a package that is wanted with these extras."""
    return wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in (*extras, ""))


def _bare(wanted: Requirement) -> Requirement:
    """Without its marker, which was looked at."""
    wanted.marker = None
    return wanted


def pins(python: str = platform.python_version()) -> dict[str, str]:
    """Canonical names and versions of constraints.txt, of the lines that apply to a version of Python."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    here = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    applying = [one for one in pinned if one.marker is None or one.marker.evaluate(here)]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in applying}
