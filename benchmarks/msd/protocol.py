"""What is asked: galleries of test songs, what is relevant in them, and to whom."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.evaluation.ground_truth import artist_numbers, has_other_artists, relevance_matrix
from simsong_pipeline.evaluation.task import Task, build_task

K = 10


@dataclass(frozen=True)
class Gallery:
    """Songs that are asked about and suggested.

    Attributes:
        name: its size as it was asked for: a number, or `all`.
        seed: that it was drawn by.
        track_ids: in order.
        tasks: by protocol, `all candidates`, and `other artists` where those can be relevant.
    """

    name: str
    seed: int
    track_ids: list[str]
    tasks: dict[str, Task]


def related(similarity: pl.DataFrame, at_least: float) -> pl.DataFrame:
    """The pairs whose score reaches `at_least`."""
    return similarity.filter(pl.col("score") >= at_least)


def drawn(track_ids: list[str], size: int | None, seed: int) -> list[str]:
    """The first `size` test songs of a seed's order, by track id; all of them where there are no more.

    So a seed's smaller gallery is part of its larger one.
    """
    if size is None or size >= len(track_ids):
        return sorted(track_ids)
    order = np.random.default_rng(seed).permutation(len(track_ids))
    ids = sorted(track_ids)
    return sorted(ids[n] for n in order[:size].tolist())


def galleries_of(sizes: list[str], songs: int, seeds: list[int]) -> list[tuple[str, int | None, int]]:
    """Name, size and seed of each gallery; those that would be all songs are one gallery, of the first seed."""
    wanted: list[tuple[str, int | None, int]] = []
    for name in sizes:
        if name != "all" and int(name) < songs:
            wanted += [(name, int(name), seed) for seed in seeds]
        elif ("all", None, seeds[0]) not in wanted:
            wanted.append(("all", None, seeds[0]))
    return wanted


def gallery_of(
    name: str, track_ids: list[str], pairs: pl.DataFrame, tracks: pl.DataFrame, most: int, seed: int
) -> Gallery:
    """A gallery with its tasks.

    Args:
        track_ids: in order.
        pairs: `related` ones.
        most: queries; of more that have a relevant song so many are drawn.

    Raises:
        EvaluationError: no song has a relevant one.
    """
    relevant, artists = relevance_matrix(pairs, track_ids), artist_numbers(tracks, track_ids)
    tasks = {"all candidates": build_task(relevant, most=most, seed=seed)}
    if has_other_artists(relevant, artists):
        tasks["other artists"] = build_task(relevant, artists, most, seed)
    return Gallery(name, seed, track_ids, tasks)


def asked_ids(gallery: Gallery, task: Task) -> NDArray[np.object_]:
    """[queries] track ids, in the order of the metrics' values."""
    return np.array(gallery.track_ids, object)[task.asked[task.queries]]
