"""A pretrained body under ONNX Runtime: patches of a front end to features. No torch here."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.body_layout import BodyLayout
from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.inference import metadata_of, open_session, provider_of


class OnnxBody:
    """A session over an exported body; its methods may be called from several threads, one core a call on CPUs.

    Attributes:
        metadata: everything that the exporter wrote into the file.
        provider: the provider that runs, `cpu` or `cuda`.
        layout: which columns of the features are which layer.
        tags: what the tags are called, in order.
    """

    def __init__(self, path: Path, config: InferenceConfig) -> None:
        if not path.is_file():
            raise ModelError(f"no ONNX body at {path}: run `simsong models fetch musicnn`")
        self._session = open_session(path, config)
        self._batch_size = config.batch_size
        self.provider = provider_of(self._session)
        self.metadata = metadata = metadata_of(self._session)
        try:
            self.layout = BodyLayout(**metadata["layout"])
            self.tags: tuple[str, ...] = tuple(metadata["tags"])
        except (KeyError, TypeError) as error:
            raise ModelError(f"{path} does not say what its outputs are: fetch the model again") from error

    def features(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features [n, layout.width] of patches [n, frames, bands]."""
        size = self._batch_size
        parts = [self._run(patches[i : i + size]) for i in range(0, len(patches), size)]
        return np.concatenate(parts) if parts else np.zeros((0, self.layout.width), np.float32)

    def _run(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._session.run(None, {"patches": np.ascontiguousarray(patches, np.float32)})[0]
        return result
