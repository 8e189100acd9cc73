"""Two coordinates for each song, near for songs that are alike: landmarks are laid out, songs lie among theirs.

A few hundred centres of the songs' vectors are laid out by t-SNE; a song lies at the mean of its nearest ones, weighted
by likeness. So a million songs cost a product of matrices, and a night's new songs move nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANDMARKS = 500
_CLUSTERS = 12
_NEAREST = 6
_SHARPNESS = 30.0
_FEW = 4


@dataclass(frozen=True)
class Landmarks:
    """Centres and where they lie.

    Attributes:
        vectors: [m, d] of unit length.
        places: [m, 2] in [-1, 1].
        clusters: [m] the number of each one's cluster.
    """

    vectors: NDArray[np.float32]
    places: NDArray[np.float32]
    clusters: NDArray[np.int32]


def landmarks_of(vectors: NDArray[np.float32], count: int = LANDMARKS) -> Landmarks:
    """Landmarks of some vectors [n, d] of unit length; the same for the same vectors."""
    # Imported here because it takes a second, and nothing else of the service needs it.
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # questions are answered meanwhile
        wanted = min(count, max(1, len(vectors) // 2))
        if wanted < _FEW:
            centres = vectors.copy()
        else:
            made = MiniBatchKMeans(wanted, random_state=0, n_init=1, batch_size=2_048, max_iter=20).fit(vectors)
            centres = _unit(np.asarray(made.cluster_centers_, np.float32))
        groups = min(_CLUSTERS, len(centres))
        clusters = KMeans(groups, random_state=0, n_init=4).fit_predict(centres).astype(np.int32)
        return Landmarks(centres, _laid_out(centres), clusters)


def _laid_out(centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """[m, 2] in [-1, 1]."""
    if len(centres) < _FEW:
        angles = 2 * np.pi * np.arange(len(centres)) / max(1, len(centres))
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    from sklearn.manifold import TSNE

    perplexity = min(20.0, (len(centres) - 1) / 3)
    placed = TSNE(random_state=0, init="pca", perplexity=perplexity, metric="cosine").fit_transform(centres)
    placed -= placed.mean(axis=0)
    scaled: NDArray[np.float32] = (placed / max(float(np.abs(placed).max()), 1e-9)).astype(np.float32)
    return scaled


def placed(vectors: NDArray[np.float32], known: Landmarks) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Places [n, 2] and clusters [n] of vectors [n, d] of unit length."""
    likeness = vectors @ known.vectors.T
    nearest = min(_NEAREST, likeness.shape[1])
    ids = np.argpartition(-likeness, nearest - 1, axis=1)[:, :nearest]
    near = np.take_along_axis(likeness, ids, axis=1)
    weights = np.exp(_SHARPNESS * (near - near.max(axis=1, keepdims=True)))
    weights /= weights.sum(axis=1, keepdims=True)
    places: NDArray[np.float32] = np.einsum("nk,nkc->nc", weights, known.places[ids]).astype(np.float32)
    best = np.take_along_axis(ids, near.argmax(axis=1)[:, None], axis=1)[:, 0]
    return places, known.clusters[best]


def apart(places: NDArray[np.float32], seeds: NDArray[np.uint64], landmarks: int) -> NDArray[np.float32]:
    """Places moved a little, each by its own seed [n], so that songs of one landmark do not lie upon each other."""
    radius = 0.6 / np.sqrt(max(landmarks, 1))
    angle = (seeds % np.uint64(65_536)).astype(np.float64) / 65_536 * 2 * np.pi
    length = radius * np.sqrt((seeds // np.uint64(65_536) % np.uint64(65_536)).astype(np.float64) / 65_536)
    moved: NDArray[np.float32] = (places + np.stack([np.cos(angle), np.sin(angle)], 1) * length[:, None]).astype(
        np.float32
    )
    return moved


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit
