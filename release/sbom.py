"""The parts of an environment as a CycloneDX list (SBOM): `python -m release.sbom PYTHON FILE`, and its check."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from release.requirements import ROOT


def write_sbom(python: Path, target: Path) -> None:
    """List what `python` has installed, as JSON that fits the schema of CycloneDX 1.6."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", str(python), "--spec-version", "1.6"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--output-format", "JSON"]
    command += ["--output-file", str(target)]
    subprocess.run(command, check=True)


def listed(sbom: Path) -> dict[str, str]:
    """Canonical names and versions of the parts."""
    parts = json.loads(sbom.read_text(encoding="utf-8"))["components"]
    return {canonicalize_name(part["name"]): part["version"] for part in parts}


def unlisted(sbom: Path, packages: dict[str, metadata.Distribution]) -> list[str]:
    """Packages that the list lacks, or has in another version."""
    known = listed(sbom)
    return [f"{name}=={package.version}" for name, package in packages.items() if known.get(name) != package.version]


if __name__ == "__main__":
    write_sbom(Path(sys.argv[1]), Path(sys.argv[2]))
