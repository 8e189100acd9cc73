"""What `simsong doctor` looks at."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.extras import lacking, remedy
from simsong_pipeline.home.model_cache import find_musicnn
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.model_places import cache_folder, cached_lyric_model, installed_lyric_model
from simsong_pipeline.stores.address import server_url
from simsong_pipeline.stores.opening import LOCAL_SONGS, Store

_PACKAGES = ("qdrant-client", "polars", "soundfile", "av", "tokenizers")
_OPTIONAL = {"torch": "train", "transformers": "train", "dagster": "dagster", "starlette": "serve"}


@dataclass(frozen=True)
class Finding:
    """One line of the table."""

    check: str
    state: Literal["ok", "note", "problem"]
    detail: str


def diagnose(workspace: Workspace, config: PipelineConfig) -> list[Finding]:
    """All findings; nothing is changed and no error escapes."""
    return [
        *_python(),
        *_packages(),
        *_runtimes(),
        *_torch(),
        *_models(),
        *_qdrant(workspace, config),
        *_home(workspace, config),
    ]


def _python() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    enough = sys.version_info >= (3, 11)
    yield Finding("Python", "ok" if enough else "problem", version if enough else f"{version}: 3.11 or newer is needed")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    for package in _PACKAGES:
        version = _version(package)
        if version is None:
            yield Finding(package, "problem", f"not installed: pip install {package}")
        else:
            yield Finding(package, "ok", version)
    for package, extra in _OPTIONAL.items():
        version = _version(package)
        if version is None:
            yield Finding(package, "note", f"not installed, and not needed by all: {remedy(extra)}")
        else:
            yield Finding(package, "ok", version)


def _runtimes() -> Iterator[Finding]:
    """Both wheels own the same module: with both installed, which files win is chance."""
    gpu, cpu = _version("onnxruntime-gpu"), _version("onnxruntime")
    if gpu and cpu:
        remedy = "pip uninstall -y onnxruntime onnxruntime-gpu, then make install"
        yield Finding("ONNX Runtime", "problem", f"onnxruntime {cpu} and onnxruntime-gpu {gpu} clash: {remedy}")
        return
    if not (gpu or cpu):
        yield Finding("ONNX Runtime", "problem", "not installed: make install")
        return
    from simsong_pipeline.inference import cuda_is_usable

    name = f"onnxruntime-gpu {gpu}" if gpu else f"onnxruntime {cpu}"
    provider = "CUDA" if cuda_is_usable() else "CPU"
    yield Finding("ONNX Runtime", "ok", f"{name}; the encoder runs on {provider}")


def _torch() -> Iterator[Finding]:
    if lacking("train"):
        yield Finding("training runs on", "note", f"another machine: {remedy('train')}")
        return
    import torch

    cuda = torch.cuda.is_available()
    detail = f"CUDA, {torch.cuda.get_device_name()}" if cuda else f"CPU, {torch.get_num_threads()} threads"
    yield Finding("training runs on", "ok", detail)


def _models() -> Iterator[Finding]:
    """What hears music and what reads lyrics: a machine without torch has to be given them."""
    try:
        musicnn = find_musicnn()
    except SimSongError as error:
        yield Finding("MusiCNN", "problem", str(error))
    else:
        yield _model("MusiCNN", None if musicnn is None else str(musicnn.folder), "musicnn")
    lyrics = installed_lyric_model() or cached_lyric_model()
    yield _model("lyric model", None if lyrics is None else str(lyrics), "minilm")


def _model(name: str, place: str | None, argument: str) -> Finding:
    if place is None:
        return Finding(name, "note", f"not in {cache_folder()}: simsong models fetch {argument}")
    return Finding(name, "ok", place)


def _qdrant(workspace: Workspace, config: PipelineConfig) -> Iterator[Finding]:
    url = server_url(config.store)
    if url is None and not (workspace.home / ("qdrant" if config.store.engine == "local" else "edge")).is_dir():
        yield Finding("Qdrant", "note", f"embedded ({config.store.engine}), nothing indexed yet: simsong run")
        return
    try:
        with workspace.store(config.store) as store:
            yield _engine(store, config)
            yield Finding("Qdrant", "ok", f"{store.address} answers with {store.ping()} collections")
            for alias, collection in sorted(store.aliases().items()):
                yield Finding(f"alias {alias}", "ok", f"{collection}, {store.count(alias)} songs")
    except SimSongError as error:
        yield Finding("Qdrant", "problem", str(error))
    if url is not None and url.startswith("http://") and os.environ.get("QDRANT_API_KEY"):
        yield Finding("Qdrant key", "note", "is sent over plain http: use https beyond a private network")


def _engine(store: Store, config: PipelineConfig) -> Finding:
    """Which engine serves, and when another one should."""
    songs = max((store.count(name) for name in store.collections()), default=0)
    if not store.embedded:
        return Finding("engine", "ok", "a Qdrant server: any number of songs and of processes")
    if config.store.engine == "edge":
        text = (
            "Qdrant's engine in this process: hundreds of thousands of songs; several processes: a server (QDRANT_URL)"
        )
        return Finding("engine", "ok", text)
    text = f"qdrant-client's embedded mode: exact, to some {LOCAL_SONGS:,} songs, one process at a time"
    if songs <= LOCAL_SONGS:
        return Finding("engine", "ok", text)
    change = f'[store] engine = "edge" ({remedy("edge")}) or a server (QDRANT_URL), then simsong run'
    return Finding("engine", "note", f"{text}, and there are {songs:,}: {change}")


def _home(workspace: Workspace, config: PipelineConfig) -> Iterator[Finding]:
    from simsong_pipeline.home.model_files import ModelFiles

    if not workspace.home.is_dir():
        yield Finding("home", "note", f"{workspace.home} does not exist yet: simsong demo, or simsong run")
        return
    try:
        record = ModelFiles(workspace.model(config.serve)).training()
    except SimSongError as error:
        yield Finding("model", "problem", str(error))
        return
    detail = (
        "none yet" if record is None else f"{record.variant}, trained on {record.songs} songs, step {record.best_step}"
    )
    yield Finding("home", "ok", f"{workspace.home}; model: {detail}")
