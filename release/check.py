"""Installs the wheel of `dist/` into an empty environment outside of the checkout, and runs the demo there.

`python -m release.check` is the last step of `make release`; it takes some ten minutes and 7 GB of disk.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from release.requirements import ROLES, ROOT, project
from release.sbom import write_sbom

DIST = ROOT / "dist"


def installed(folder: Path, wheel: Path, extras: str) -> Path:
    """The folder of commands of a new environment that holds `wheel[extras]` with the pinned versions."""
    venv.create(folder, with_pip=True)
    commands = folder / ("Scripts" if sys.platform == "win32" else "bin")
    install: list[str | Path] = [commands / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", ROOT / "constraints.txt", f"{wheel}[{extras}]"], check=True)
    return commands


def run_there(commands: Path, home: Path) -> None:
    """The version, the doctor and the demo, with nothing of the checkout on the way."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    for words in (
        ["--version"],
        ["models", "fetch"],
        ["doctor", "--home", home],
        ["demo", "--home", home],
        ["verify", "--home", home],
    ):
        subprocess.run([commands / "simsong", *words], cwd=home.parent, env=environment, check=True)


def main() -> None:
    """Check the wheel of this version, and write its list of parts."""
    version = project()["version"]
    wheel = DIST / f"simsong-{version}-py3-none-any.whl"
    if not wheel.is_file():
        raise SystemExit(f"no {wheel}: run `make release`")
    with tempfile.TemporaryDirectory(prefix="simsong-release-") as scratch:
        commands = installed(Path(scratch, "environment"), wheel, ",".join(ROLES))
        run_there(commands, Path(scratch, "home"))
        write_sbom(commands / "python", DIST / f"simsong-{version}.cdx.json")


if __name__ == "__main__":
    main()
