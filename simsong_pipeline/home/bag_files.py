"""A home's model of bags of words: fitted once, kept by its settings and the hash of its bytes, never changed."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from simsong_pipeline.config import BagsConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.files import sha256_of, write_bytes
from simsong_pipeline.lyrics.bags import READING, BagModel

_HASH = 16


class BagFiles:
    """The model of some settings below a folder, `<settings>-<content>.safetensors`.

    Attributes:
        prefix: how the version of each of its models begins.
    """

    def __init__(self, folder: Path, config: BagsConfig) -> None:
        self._folder = folder
        self.prefix = f"bags-{sha256_of(READING, config.words, config.dim)[:_HASH]}-"

    @property
    def path(self) -> Path | None:
        """The file, null where nothing was fitted by these settings."""
        found = sorted(self._folder.glob(f"{self.prefix}*.safetensors"))
        return found[-1] if found else None

    def read(self) -> tuple[str, BagModel] | None:
        """The model and its version, null where nothing was fitted by these settings.

        Raises:
            ModelError: the file's bytes are not those that its name tells of.
        """
        path = self.path
        return None if path is None else (path.stem, read_bag_model(path))

    def write(self, model: BagModel) -> str:
        """Keep a model; its version."""
        words = np.frombuffer("\n".join(model.words).encode(), np.uint8)
        data = save({"words": words, "idf": model.idf, "components": np.ascontiguousarray(model.components)})
        version = f"{self.prefix}{hashlib.sha256(data).hexdigest()[:_HASH]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self._folder / f"{version}.safetensors", data)
        return version

    def question(self, text: str) -> NDArray[np.float32]:
        """Unit vector [k] of a text that lyrics are compared with.

        Raises:
            ModelError: no model, or one that knows none of the words.
        """
        known = self.read()
        if known is None:
            raise ModelError(f"no model of bags of words in {self._folder}: run `simsong run`")
        vector: NDArray[np.float32] = known[1].embed([text])[0]
        if not vector.any():
            raise ModelError(f"none of these words is in the home's lyrics: {text!r}; ask with others")
        return vector


def read_bag_model(path: Path) -> BagModel:
    """The model in a file.

    Raises:
        ModelError: the file's bytes are not those that its name tells of.
    """
    try:
        data = path.read_bytes()
        if not path.stem.endswith(hashlib.sha256(data).hexdigest()[:_HASH]):
            raise ModelError(f"{path} is damaged (its bytes changed): delete it and run `simsong run --retrain`")
        tensors = load(data)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is missing or damaged: delete it and run `simsong run --retrain`") from error
    words = tuple(tensors["words"].tobytes().decode().split("\n"))
    return BagModel(words, tensors["idf"], tensors["components"])
