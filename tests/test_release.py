"""What is released: one version, a licence for each part, a list of parts, a wheel that does without the checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import SMALL_TOML
from documents import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from deploy.release.notices import NOTICES, licence_of
from deploy.release.requirements import ROLES, pins, project, runtime_packages
from deploy.release.sbom import listed, unlisted, write_sbom


def test_changes_begin_with_this_version() -> None:
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading is not None
    assert heading[1] == project()["version"]


def test_the_package_alone_has_nothing_that_learns_schedules_or_serves() -> None:
    heavy = {"torch", "transformers", "sentence-transformers", "dagster", "matplotlib", "scikit-learn", "starlette"}
    assert not heavy & set(runtime_packages())
    assert {"torch", "scikit-learn"} <= set(runtime_packages(["train"]))
    assert "torch" not in runtime_packages(["serve", "dagster", "postgres"])


def test_each_pinned_requirement_of_a_role_is_installed_as_pinned() -> None:
    known, table = pins(), project()
    assert len(known) > 100
    packages = runtime_packages(ROLES)
    assert {n: p.version for n, p in packages.items() if n in known} == {n: known[n] for n in packages if n in known}
    asked = [Requirement(str(text)) for text in table["dependencies"]]
    needed = {canonicalize_name(r.name) for r in asked if r.marker is None or r.marker.evaluate()}
    assert needed - set(known) == set()


def test_what_is_pinned_for_the_oldest_python_runs_on_it() -> None:
    oldest = project()["requires-python"].removeprefix(">=") + ".0"
    packages = runtime_packages(ROLES)
    pinned = [p for name, p in packages.items() if pins(oldest).get(name) == p.version]
    assert len(pinned) > 100
    too_new = {p.name: p.metadata["Requires-Python"] for p in pinned
               if oldest not in SpecifierSet(p.metadata["Requires-Python"] or "")}  # fmt: skip
    assert too_new == {}


def test_notices_name_each_package_with_its_licence() -> None:
    rows = re.findall(r"^\| (\S+) \| \S+ \| ([^|]+) \|", NOTICES.read_text(), re.MULTILINE)
    named = {canonicalize_name(name): licence for name, licence in rows}
    for name, package in runtime_packages(ROLES).items():
        assert named.get(name) == licence_of(name, package), f"{name}: run `python -m deploy.release.notices`"


def test_what_is_not_permissive_is_explained() -> None:
    copyleft = [
        name for name, package in runtime_packages(ROLES).items() if re.search(r"\bL?GPL", licence_of(name, package))
    ]
    assert "mutagen" in copyleft
    text = NOTICES.read_text().partition("## Packages")[0]
    for name in copyleft:
        assert name.removesuffix("-binary") in text.replace("libsoxr", "soxr"), name


@pytest.fixture(scope="module")
def sbom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of the environment that runs the tests."""
    pytest.importorskip("cyclonedx_py", reason="the extra simsong[release] is not installed")
    target = tmp_path_factory.mktemp("sbom") / "parts.json"
    write_sbom(Path(sys.executable), target)
    return target


@pytest.mark.slow
def test_the_list_of_parts_has_each_package_in_its_version(sbom: Path) -> None:
    assert json.loads(sbom.read_text())["bomFormat"] == "CycloneDX"
    packages = runtime_packages(ROLES)
    assert unlisted(sbom, packages) == []
    parts = listed(sbom)
    assert {n: parts[n] for n in packages if n in pins()} == {n: v for n, v in pins().items() if n in packages}


@pytest.mark.slow
def test_a_package_that_the_list_lacks_is_named(sbom: Path, tmp_path: Path) -> None:
    content = json.loads(sbom.read_text())
    content["components"] = [part for part in content["components"] if part["name"] != "polars"]
    short = tmp_path / "short.json"
    short.write_text(json.dumps(content))
    assert unlisted(short, runtime_packages()) == [f"polars=={runtime_packages()['polars'].version}"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dist/` of a copy of the checkout: the wheel of the sdist, and in `direct/` the wheel of the tree."""
    if find_spec("build") is None:
        pytest.skip("the extra simsong[release] is not installed")
    folder = tmp_path_factory.mktemp("built")
    kept = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "build", "dist", "simsong-data")
    shutil.copytree(ROOT, folder / "source", ignore=kept)
    command = [sys.executable, "-m", "build", "--outdir"]
    for words in ([str(folder / "dist"), "."], [str(folder / "dist" / "direct"), "--wheel", "."]):
        done = subprocess.run([*command, *words], cwd=folder / "source", capture_output=True, text=True, check=False)
        if "No matching distribution" in done.stdout + done.stderr:
            pytest.skip("setuptools cannot be fetched here")
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


def _contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("RECORD")}


@pytest.mark.slow
def test_sdist_gives_the_same_wheel_with_all_that_is_read_at_run_time(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (direct,) = (built / "direct").glob("*.whl")
    contents = _contents(wheel)
    assert contents == _contents(direct)
    sources = [ROOT / "simsong_pipeline", ROOT / "dagster_project", ROOT / "export"]
    files = [path for source in sources for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {str(path.relative_to(ROOT)) for path in files} <= set(contents)
    assert not [name for name in contents if name.startswith(("tests/", "benchmarks/", "deploy/"))]
    record = contents[next(name for name in contents if name.endswith(".dist-info/METADATA"))].decode()
    assert f"Version: {project()['version']}" in record
    assert "License-Expression: Apache-2.0" in record
    assert {"LICENSE", "THIRD_PARTY_NOTICES.md"} == {Path(n).name for n in contents if "/licenses/" in n}
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        assert any(name.endswith("/pyproject.toml") for name in archive.getnames())


@pytest.mark.slow
def test_the_wheel_runs_outside_of_the_checkout(built: Path, tmp_path: Path) -> None:
    """In an environment of its own that borrows the packages of this one, so that nothing has to be fetched."""
    venv.create(tmp_path / "environment", with_pip=False)
    (own,) = (tmp_path / "environment").glob("lib/python*/site-packages")
    (own / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (wheel,) = built.glob("*.whl")
    python = tmp_path / "environment" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def call(*words: object) -> str:
        command = list(map(str, words))
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    call(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", wheel)
    simsong, home = tmp_path / "environment" / "bin" / "simsong", tmp_path / "home"
    assert call(simsong, "--version").strip() == f"simsong {project()['version']}"
    place = call(python, "-c", "import simsong_pipeline, sys; print(simsong_pipeline.__file__)").strip()
    assert place.startswith(str(own))
    (tmp_path / "small.toml").write_text(SMALL_TOML)
    call(simsong, "sample", "--home", home, "--songs", 24, "--artists", 8, "--styles", 2)
    call(simsong, "run", "--home", home, "--config", "small.toml", "--publish-anyway")
    call(simsong, "verify", "--home", home)
    code = "from simsong_pipeline.service.page_files import FOLDER as f; print(sum(p.is_file() for p in f.rglob('*')))"
    shipped = [path for path in (ROOT / "simsong_pipeline" / "service" / "page").rglob("*") if path.is_file()]
    assert int(call(python, "-c", code)) == len(shipped)
