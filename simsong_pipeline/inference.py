"""The encoder under ONNX Runtime: explicit providers, and a line that says which one runs. No torch here."""

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.errors import ModelError, first_line

_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
Segments = NDArray[np.float32]


class OnnxEncoder:
    """A session over an exported encoder; its methods may be called from several threads.

    On CPUs each song is a call on one core, and several songs run at once: for encoders of this size that takes half
    the processor time of one call spread over all cores, and a song's vector does not depend on its company. On CUDA
    songs share a batch, and one call runs at a time.

    Attributes:
        provider: the provider that runs, `cpu` or `cuda`.
        metadata: what the exporter wrote into the file.
    """

    def __init__(self, path: Path, config: InferenceConfig) -> None:
        if not path.is_file():
            raise ModelError(f"no ONNX encoder at {path}: run `simsong run` to train and export one")
        self._batch_size = config.batch_size
        self._session = open_session(path, config)
        self.provider = provider_of(self._session)
        self._workers = (config.threads or os.cpu_count() or 1) if self.provider == "cpu" else 1
        self._turns = BoundedSemaphore(self._workers)
        self.metadata = metadata_of(self._session)
        self._input = self._session.get_inputs()[0]
        self.dim = int(self._session.get_outputs()[0].shape[1])

    def describe(self) -> str:
        """One line for a log: which provider runs."""
        return f"ONNX Runtime {onnxruntime.__version__} runs the encoder on {self.provider.upper()}"

    def embed(self, segments: Segments) -> NDArray[np.float32]:
        """Unit vectors [n, dim] of segments [n, frames, n_mels] in dB."""
        size = self._batch_size
        parts = [self._run(segments[i : i + size]) for i in range(0, len(segments), size)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), np.float32)

    def embed_song(self, segments: Segments) -> NDArray[np.float32]:
        """A song's unit vector [dim], the mean of its segments' vectors, computed in the calling thread."""
        return next(self._pooled([segments]))

    def embed_songs(self, songs: Iterable[Segments]) -> Iterator[NDArray[np.float32]]:
        """One unit vector [dim] a song, in order: the mean of its segments' vectors."""
        running: deque[Future[list[NDArray[np.float32]]]] = deque()
        with ThreadPoolExecutor(self._workers) as pool:
            for batch in self._batches(songs):
                running.append(pool.submit(lambda part: list(self._pooled(part)), batch))
                # A few more than run: the caller's reading goes on meanwhile, and memory stays bounded.
                if len(running) > 2 * self._workers:
                    yield from running.popleft().result()
            while running:
                yield from running.popleft().result()

    def _batches(self, songs: Iterable[Segments]) -> Iterator[list[Segments]]:
        wanted = 1 if self.provider == "cpu" else self._batch_size
        waiting: list[Segments] = []
        for segments in songs:
            waiting.append(segments)
            if sum(len(s) for s in waiting) >= wanted:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def _pooled(self, songs: list[Segments]) -> Iterator[NDArray[np.float32]]:
        vectors = self.embed(np.concatenate(songs))
        for part in np.split(vectors, np.cumsum([len(s) for s in songs])[:-1]):
            mean = part.mean(axis=0)
            yield mean / max(float(np.linalg.norm(mean)), 1e-12)

    def _run(self, segments: Segments) -> NDArray[np.float32]:
        with self._turns:
            vectors = self._session.run(None, {self._input.name: np.ascontiguousarray(segments, np.float32)})[0]
        result: NDArray[np.float32] = vectors
        return result


def open_session(
    model: Path | bytes, config: InferenceConfig, options: onnxruntime.SessionOptions | None = None
) -> onnxruntime.InferenceSession:
    """A session on the wanted provider; where no options are given, one thread a call.

    ONNX Runtime falls back to the CPU with only a warning when CUDA does not load, so what runs is checked.

    Args:
        model: a file, or the contents of one.

    Raises:
        ModelError: the file or the provider cannot be loaded.
    """
    options = _one_thread() if options is None else options
    wanted = [config.provider] if config.provider != "auto" else _automatic()
    if "cuda" in wanted:
        _load_cuda_libraries()
    try:
        session = onnxruntime.InferenceSession(model, options, providers=[_NAMES[name] for name in wanted])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        name = model if isinstance(model, Path) else "the model"
        raise ModelError(f"{name} cannot be loaded by ONNX Runtime: {first_line(error)}") from error
    if config.provider == "cuda" and session.get_providers()[0] != _NAMES["cuda"]:
        raise ModelError(
            "ONNX Runtime's CUDA provider does not load on this machine: install onnxruntime-gpu and the CUDA "
            "libraries it names, or set the provider to auto or cpu; `simsong doctor` says what is there"
        )
    return session


@cache
def _load_cuda_libraries() -> None:
    """Load those of pip's packages (`simsong[gpu]`, or torch's); else only the system's folders are looked in.

    It prints what it does not find, and goes on: whether CUDA runs is seen by the session's providers.
    """
    with redirect_stdout(StringIO()):
        onnxruntime.preload_dlls()


def _one_thread() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options


def provider_of(session: onnxruntime.InferenceSession) -> str:
    """The provider that runs, `cpu` or `cuda`."""
    return next(name for name, full in _NAMES.items() if full == session.get_providers()[0])


def _automatic() -> list[str]:
    """CUDA first where a device and its library are there."""
    return ["cuda", "cpu"] if cuda_is_usable() else ["cpu"]


def cuda_is_usable() -> bool:
    """True when this ONNX Runtime has the CUDA provider and the driver shows a device."""
    has_device = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()
    return _NAMES["cuda"] in onnxruntime.get_available_providers() and has_device


def metadata_of(session: onnxruntime.InferenceSession) -> dict[str, Any]:
    """What the exporter wrote into the file that `session` runs."""
    return {key: _parsed(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
