"""Audio towers of CLAP models as ONNX, in the cache that homes share. Torch is imported only where one is made."""

import tempfile
from pathlib import Path

from filelock import FileLock

from simsong_pipeline.audio.clap_model import clap_version, clap_width
from simsong_pipeline.errors import ModelError, ModelUnavailableError
from simsong_pipeline.files import sha256_of_file, write_bytes, write_json
from simsong_pipeline.home.events import Events
from simsong_pipeline.model_places import cache_folder


def ensure_clap(name: str, told: Events) -> Path:
    """The ONNX file of a folder's or hub model's audio tower, made now unless it is there.

    Two processes may do so at once: the second waits, and finds what the first has written.

    Raises:
        ModelError: the model cannot be loaded or exported, or is of another width than it says.
        ModelUnavailableError: the cache cannot be written.
    """
    folder = cache_folder() / f"clap-{clap_version(name)}"
    path = folder / "audio.onnx"
    if (folder / "manifest.json").is_file() and path.is_file():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if not (folder / "manifest.json").is_file() or not path.is_file():
                _make(name, path, told)
    except OSError as error:
        raise ModelUnavailableError(
            f"{folder} cannot be written ({error.strerror}): set SIMSONG_MODELS to a folder for models"
        ) from error
    return path


def _make(name: str, path: Path, told: Events) -> None:
    """The tower, then the manifest that makes it count."""
    from export.clap_export import export_clap
    from simsong_pipeline.learning.encoder.clap import read_clap

    told.stage(f"reading {name}")
    parts = read_clap(name)
    if parts.width != clap_width(name):
        raise ModelError(
            f"CLAP model {name!r} gives {parts.width} numbers a patch in place of {clap_width(name)}: download it, and "
            "name its folder in encoder.pretrained"
        )
    with tempfile.TemporaryDirectory(prefix="simsong-") as scratch:
        made = Path(scratch) / path.name
        export_clap(parts, made)
        write_bytes(path, made.read_bytes())
    write_json(path.with_name("manifest.json"), {"source": name, "files": {path.name: sha256_of_file(path)}})
