"""The untrained start: a pretrained body's features to song vectors, by the collection's own statistics and no labels.

What does not belong here: anything that learns from which songs are alike.
"""

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from simsong_pipeline.lyrics.whitening import Whitening

# As many songs as these count as much as what the body's own training says of means and variances.
_MEAN_PRIOR = 20
_VARIANCE_PRIOR = 50
# Half whitening: full whitening makes noise of the small directions as loud as music.
_STRENGTH = 0.5
_SMALLEST_SHARE = 1e-4
# Of statistics without a training of their own: as many songs as these count as much as what a song's own parts say of
# the scale. One song alone is told from the centre, because the centre is not quite its own.
_SCALE_PRIOR, _CENTRE_PRIOR = 20, 1
_SMALLEST_SCALE = 1e-3


def fit_start(
    features: NDArray[np.float32],
    dim: int,
    seed: int,
    weights: NDArray[np.float32] | None = None,
    strength: float = _STRENGTH,
) -> Whitening:
    """Centre, weigh and half-whiten song features, with any number of songs, from one up.

    Mean and variances are shrunk towards the prior, a mean of 0 and equal variances, so that a few songs change
    nothing and many have their way. The directions that the songs span come first. Where those are fewer than `dim`,
    random directions orthogonal to all of them fill up, scaled so that lengths are kept in expectation (Johnson &
    Lindenstrauss, 1984): a song that comes later is then told from the others as well.

    Args:
        features: [n, c] of songs, standardised by the body's own training statistics.
        seed: of the directions that fill up.
        weights: [c] of the channels, of which at least `dim` are not zero; all the same where null.
        strength: 0 leaves all directions as they are, 1 makes them equally long.

    Returns:
        mean [c], projection [c, dim]; c >= dim.
    """
    if weights is None:
        return _fitted(features, dim, seed, strength)
    heard = weights > 0
    fitted = _fitted(features[:, heard] * weights[heard], dim, seed, strength)
    mean = np.zeros(len(weights), np.float32)
    projection = np.zeros((len(weights), dim), np.float32)
    mean[heard] = fitted.mean / weights[heard]
    projection[heard] = fitted.projection * weights[heard, None]
    return Whitening(mean, projection)


def fit_own_scale(
    statistics: NDArray[np.float64],
    scales: NDArray[np.float64],
    weights: NDArray[np.float32],
    dim: int,
    seed: int,
) -> Whitening:
    """A start of statistics that nothing has standardised: by the songs' own means and deviations, then as `fit_start`.

    Args:
        statistics: [n, c] of songs, each in its own unit.
        scales: [c] how far songs may lie apart; counts little where there are many to tell.
        weights: [c] what each standardised statistic counts.
        dim: at most; not more than the weights that are not zero.

    Returns:
        mean [c], projection [c, min(dim, weights that are not zero)].
    """
    songs = len(statistics)
    centre = statistics.mean(axis=0) * (songs / (songs + _CENTRE_PRIOR))
    squares = songs * statistics.var(axis=0) + _SCALE_PRIOR * scales**2
    scale = np.maximum(np.sqrt(squares / (songs + _SCALE_PRIOR)), _SMALLEST_SCALE)
    standard = ((statistics - centre) / scale).astype(np.float32)
    fitted = fit_start(standard, min(dim, int((weights > 0).sum())), seed, weights)
    mean = (centre + scale * fitted.mean).astype(np.float32)
    return Whitening(mean, (fitted.projection / scale[:, None]).astype(np.float32))


def _fitted(features: NDArray[np.float32], dim: int, seed: int, strength: float) -> Whitening:
    songs, channels = features.shape
    mean = features.mean(axis=0, dtype=np.float64) * (songs / (songs + _MEAN_PRIOR))
    kept, directions = _largest(features - mean, dim)
    keep = len(kept)
    if keep == 0:  # one song that is the mean itself: nothing but random directions
        return Whitening(mean.astype(np.float32), _random_directions(np.zeros((0, channels)), dim, seed))
    shrunk = (songs * kept + _VARIANCE_PRIOR * kept.mean()) / (songs + _VARIANCE_PRIOR)
    gains = shrunk ** (-strength / 2)
    gains /= np.sqrt((gains**2 * kept).sum() / kept.sum())
    # The sign of a direction is arbitrary; the largest entry positive makes it the same everywhere.
    signs = np.sign(directions[np.arange(keep), np.abs(directions).argmax(axis=1)])
    spanned = directions.T * (signs * gains)
    if keep < dim:
        filling = _random_directions(directions, dim - keep, seed) * gains.min()
        spanned = np.hstack([spanned, filling])
    return Whitening(mean.astype(np.float32), spanned.astype(np.float32))


def _largest(centred: NDArray[np.float64], dim: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances [k <= dim] of rows [n, c], the largest first, and their directions [k, c] of unit length.

    By products of songs or of channels, whichever are fewer: an eighth of a singular value decomposition's time, and as
    exact for directions that are not far smaller than the largest.
    """
    songs, channels = centred.shape
    products = centred @ centred.T if songs < channels else centred.T @ centred
    last = len(products) - 1
    squares, vectors = scipy.linalg.eigh(products, subset_by_index=[max(0, last + 1 - dim), last])
    found = squares > _SMALLEST_SHARE * max(0.0, squares[-1])
    squares, vectors = squares[found][::-1], vectors[:, found][:, ::-1]
    directions = vectors.T @ centred / np.sqrt(squares)[:, None] if songs < channels else vectors.T
    return squares / songs, directions


def _random_directions(taken: NDArray[np.float64], count: int, seed: int) -> NDArray[np.float32]:
    """[c, count] orthogonal to the rows of `taken` [k, c] and to each other, of length sqrt((c - k) / count)."""
    channels = taken.shape[1]
    drawn = np.random.default_rng(seed).standard_normal((channels, count))
    drawn -= taken.T @ (taken @ drawn)
    orthonormal, _ = np.linalg.qr(drawn)
    scaled: NDArray[np.float32] = (orthonormal * np.sqrt((channels - len(taken)) / count)).astype(np.float32)
    return scaled
