"""Methods by name: each gives the scores of a collection, higher being nearer; labels are seen by none of them."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.real_music.hearing import columns
from benchmarks.real_music.material import Material, Method, Scores, cosines
from benchmarks.real_music.patch_methods import patch_methods
from simsong_pipeline.audio.description import gaussian
from simsong_pipeline.evaluation.baselines import gaussian_scores, random_scores
from simsong_pipeline.evaluation.hubness import csls, local_scaling, mutual_proximity, without_diagonal
from simsong_pipeline.learning.encoder.start import fit_start

SERVED = "served"
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
WIDTHS = (64, 128, 256)
FITTED = (5, 10, 20, 40, 80)
DRAWS = 5
_NEIGHBOURS = 10


def methods(material: Material) -> dict[str, Method]:
    """All methods of the material, in the order of the tables."""
    found: dict[str, Method] = {
        "random": lambda: [random_scores(len(material.heard), material.seed)],
        "mfcc": lambda: [gaussian_scores([gaussian(h.timbre) for h in material.heard])],
    }
    found |= {name: partial(lambda scores: [scores], scores) for name, scores in material.peers.items()}
    found |= {SERVED: lambda: [material.started()]}
    found |= _layers(material) | _settings(material) | patch_methods(material)
    return found | _corrections(material) | _fitted_on_few(material)


def _layers(material: Material) -> dict[str, Method]:
    """Layers by themselves, and the start on parts of what is heard."""
    found: dict[str, Method] = {}
    for model in material.config.body.models:
        name = model.removeprefix("musicnn-")
        layers = {
            "penultimate": columns(model, "penultimate", material.config),
            "pooled": np.concatenate([columns(model, p, material.config) for p in ("mean_pool", "max_pool")]),
            "tags": columns(model, "tags", material.config),
        }
        for layer, chosen in layers.items():
            found[f"{name}_{layer}"] = partial(lambda c: [cosines(material.features(chosen=c))], chosen)
        found[f"start_{name}"] = partial(_started_once, material, columns(model, "all", material.config))
    for layer in ("penultimate", "mean_pool", "max_pool"):
        chosen = np.concatenate([columns(m, layer, material.config) for m in material.config.body.models])
        found[f"start_{layer}"] = partial(_started_once, material, chosen)
    return found


def _settings(material: Material) -> dict[str, Method]:
    """The start with one setting changed."""

    def one(width: int | None = None, strength: float | None = None) -> list[Scores]:
        return [material.started(width=width, strength=strength)]

    whitened = {f"whitening_{s:g}": partial(one, strength=s) for s in STRENGTHS}
    wide = {f"width_{w}": partial(one, width=w) for w in WIDTHS}
    unweighted = {"layers_as_they_come": lambda: [_unweighted(material)]}
    return {**whitened, **wide, **unweighted}


def _corrections(material: Material) -> dict[str, Method]:
    """Corrections for hubs of what is served, and fusions with other libraries by mutual proximity."""

    def corrected(change: Callable[[Scores], Scores]) -> list[Scores]:
        return [change(material.started())]

    found: dict[str, Method] = {
        "served+mp": partial(corrected, gaussian_proximity),
        "served+mp_empirical": partial(corrected, mutual_proximity),
        "served+csls": partial(corrected, partial(csls, k=_NEIGHBOURS)),
        "served+local_scaling": partial(corrected, partial(local_scaling, k=_NEIGHBOURS)),
    }
    for name, scores in material.peers.items():
        beside = gaussian_proximity(scores)
        found[f"served&{name}"] = partial(corrected, partial(lambda b, s: gaussian_proximity(s) + b, beside))
    return found


def _fitted_on_few(material: Material) -> dict[str, Method]:
    """The start as it would be of a collection of few, drawn anew `DRAWS` times; all recordings are asked about."""

    def drawn(count: int) -> list[Scores]:
        features = material.features()
        chosen = [np.random.default_rng([material.seed, count, n]).permutation(len(features)) for n in range(DRAWS)]
        dim, seed = material.config.encoder.embedding_dim, material.seed
        starts = [fit_start(features[c[:count]], dim, seed, material.weights) for c in chosen]
        return [cosines(start.apply(features)) for start in starts]

    return {f"fitted_on_{count}": partial(drawn, count) for count in FITTED if count < len(material.heard)}


def _started_once(material: Material, chosen: NDArray[np.int64]) -> list[Scores]:
    return [material.started(chosen)]


def _unweighted(material: Material) -> Scores:
    features = material.features()
    return cosines(fit_start(features, material.config.encoder.embedding_dim, material.seed).apply(features))


def gaussian_proximity(scores: Scores) -> Scores:
    """Mutual proximity by a normal distribution of each recording's distances (Schnitzer et al., 2012).

    The chance that a distance drawn from x's is larger than d(x, y), times the same of y: two stored numbers a
    recording, where `evaluation.hubness.mutual_proximity` counts.
    """
    distances = -scores.astype(np.float64)
    others = without_diagonal(distances)
    mean, deviation = others.mean(axis=1), np.maximum(others.std(axis=1), 1e-12)
    from_row = norm.sf(distances, mean[:, None], deviation[:, None])
    from_column = norm.sf(distances, mean[None], deviation[None])
    proximity: Scores = (from_row * from_column).astype(np.float32)
    return proximity
