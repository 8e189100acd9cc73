"""Other libraries that say how alike recordings are, by their own packages, which need not be installed."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.files import sha256_of, sha256_of_file, write_atomically

_MUSLY_RATE = 22_050
PACKAGES = {"musly": "pymusly", "bliss": "bliss_audio"}


def is_installed(peer: str) -> bool:
    """Whether the package of a peer is there."""
    return find_spec(PACKAGES[peer]) is not None


def peer_scores(peer: str, paths: Sequence[Path], folder: Path) -> NDArray[np.float32]:
    """[n, n] by "musly" or "bliss", from the folder where it was asked of these recordings before.

    A recording that musly knows nothing of by its rules (too short, or silent) is as far from all others as can be.
    """
    compute: dict[str, Callable[[Sequence[Path]], NDArray[np.float32]]] = {"musly": _musly, "bliss": _bliss}
    kept = folder / f"{peer}-{sha256_of([sha256_of_file(p) for p in paths])[:24]}.npy"
    if not kept.is_file():
        scores = compute[peer](paths)
        write_atomically(kept, lambda handle: np.save(handle, scores))
    loaded: NDArray[np.float32] = np.load(kept)
    return loaded


def _musly(paths: Sequence[Path]) -> NDArray[np.float32]:
    """Negative distances of libmusly's method "timbre", mutual proximity included, on whole recordings."""
    import pymusly

    jukebox = pymusly.MuslyJukebox("timbre", "none")
    tracks = [jukebox.track_from_audiodata(decode(p, _MUSLY_RATE, 1e9).samples.tolist()) for p in paths]
    jukebox.set_style(tracks)
    numbered = list(enumerate(tracks))
    jukebox.add_tracks(numbered)
    distances = np.array([jukebox.compute_similarity(seed, numbered) for seed in numbered], np.float32)
    return -np.nan_to_num(distances, nan=np.float32(1e9))


def _bliss(paths: Sequence[Path]) -> NDArray[np.float32]:
    """Negative distances of bliss's twenty numbers, as its users' players take them."""
    import bliss_audio

    rows = np.array([bliss_audio.Song(str(path)).analysis for path in paths], np.float32)
    distances: NDArray[np.float32] = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    return -distances
