"""Which CLAP model is meant, and how wide its vectors are, told without loading it. No torch here."""

import json
from functools import cache
from pathlib import Path

from simsong_pipeline.config import EncoderConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.files import sha256_of, sha256_of_file

# Grows when what is made of a model changes: its file in the cache and all rows become obsolete.
_REVISION = "clap-unit-1"
# Of all models of the hub so far; a folder says it by itself.
_WIDTH = 512
_DECIDING = ("*.safetensors", "*.bin", "config.json", "preprocessor_config.json")


def clap_name(config: EncoderConfig) -> str:
    """The configured folder or hub name.

    Raises:
        ModelError: none is configured.
    """
    if not config.pretrained:
        raise ModelError("encoder.kind is 'clap', so encoder.pretrained has to name a folder or hub model")
    return config.pretrained


def clap_version(name: str) -> str:
    """Hash of everything that decides a model's vectors where it lies in a folder, of its name otherwise."""
    folder = Path(name)
    if not folder.is_dir():
        return sha256_of(_REVISION, name)[:16]
    paths = sorted(path for pattern in _DECIDING for path in folder.glob(pattern))
    return sha256_of(_REVISION, [_hash_of(p, p.stat().st_size, p.stat().st_mtime_ns) for p in paths])[:16]


@cache
def _hash_of(path: Path, size: int, modified_ns: int) -> str:
    """Of a file in the state that size and time tell: hundreds of megabytes are read once a process."""
    return sha256_of_file(path)


def clap_width(name: str) -> int:
    """Numbers of a vector.

    Raises:
        ModelError: the folder holds no CLAP model.
    """
    folder = Path(name)
    if not folder.is_dir():
        return _WIDTH
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if content["model_type"] != "clap":
            raise ModelError(f"{name} is a {content['model_type']} model: encoder.kind 'clap' needs a CLAP model")
        return int(content.get("projection_dim", _WIDTH))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{name} holds no CLAP model: config.json is missing or damaged") from error
