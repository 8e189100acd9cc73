"""Megabytes that each role's packages take on disk: `python -m release.sizes`, where all of them are installed."""

from importlib import metadata
from pathlib import Path

from release.requirements import ROLES, runtime_packages


def megabytes(package: metadata.Distribution) -> float:
    """Of a package's files as they are installed, without what Python compiles of them."""
    files = [Path(str(package.locate_file(file))) for file in package.files or [] if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def main() -> None:
    """A line a role: its packages and megabytes, those of SimSong alone included."""
    for extras in ((), *((role,) for role in ROLES), ("dagster", "postgres", "serve"), ROLES):
        packages = runtime_packages(extras)
        total = sum(map(megabytes, packages.values()))
        name = f"simsong[{','.join(extras)}]" if extras else "simsong"
        print(f"{name:60} {len(packages):4} packages {total:8.0f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
