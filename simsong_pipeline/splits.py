"""Artist-disjoint parts: a model is judged on artists that it never heard.

Artists keep their part when the catalogue grows, so a model's training artists never turn up in its test.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl

from simsong_pipeline.config import SplitConfig
from simsong_pipeline.errors import SchemaError
from simsong_pipeline.schemas import SPLITS, conform

PARTS = ("test", "validation", "train")
# Songs in the test part for each song of its largest artist: a gallery needs others as well.
_GALLERY = 1.35


def split_by_artist(
    tracks: pl.DataFrame, config: SplitConfig, previous: pl.DataFrame | None = None, by_artist: bool = False
) -> pl.DataFrame:
    """Give each artist to one part; test and validation are filled up to their shares of the songs.

    Args:
        tracks: track_id, artist_id.
        previous: artist_id, split of every artist that an earlier split of the same configuration knew; they
            stay where they are, also when they were away in between.
        by_artist: songs are related because they share an artist. Then a song whose artist has no other
            answers nothing, so the artists of several songs go to the judged parts first.

    Raises:
        SchemaError: fewer than three artists, or shares that leave nothing to train on.
    """
    counts = tracks.group_by("artist_id").len().sort("artist_id")
    if counts.height < 3:
        raise SchemaError(f"{counts.height} artists cannot be split into three parts: at least 3 are needed")
    if config.validation + config.test >= 1:
        raise SchemaError(f"validation {config.validation} + test {config.test} leaves nothing to train on")
    order = np.random.default_rng(config.seed).permutation(counts.height)
    sizes = dict(counts[order].rows())
    part_of = _kept(tracks, previous)
    room = _room(sizes, tracks.height, config, by_artist)
    for artist, part in part_of.items():
        room[part] -= sizes[artist]
    _assign([a for a in _ordered(sizes, by_artist) if a not in part_of], sizes, part_of, room)
    parts = [part_of[artist] for artist in tracks["artist_id"].to_list()]
    return conform(tracks.select("track_id", pl.Series("split", parts)), SPLITS)


def _kept(tracks: pl.DataFrame, previous: pl.DataFrame | None) -> dict[str, str]:
    if previous is None:
        return {}
    present = tracks.select("artist_id").unique().join(previous, on="artist_id")
    return dict(present.select("artist_id", pl.col("split").cast(pl.String)).rows())


def remember(previous: pl.DataFrame | None, tracks: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """`previous` and the artists of `splits`, one row an artist: nothing is ever forgotten."""
    now = tracks.join(splits, on="track_id").select("artist_id", "split")
    both = now if previous is None else pl.concat([previous, now])
    return both.unique("artist_id", keep="first", maintain_order=True).sort("artist_id")


def _room(sizes: dict[str, int], total: int, config: SplitConfig, by_artist: bool) -> dict[str, float]:
    test = config.test * total
    if by_artist:
        test = max(test, _GALLERY * max(sizes.values()))
    return {"test": test, "validation": config.validation * total, "train": total * 1.0}


def _ordered(sizes: dict[str, int], by_artist: bool) -> list[str]:
    """Random order, or the artists of several songs first, the largest at the front."""
    return sorted(sizes, key=lambda a: -sizes[a] if sizes[a] > 1 else 0) if by_artist else list(sizes)


def _assign(artists: Iterable[str], sizes: dict[str, int], part_of: dict[str, str], room: dict[str, float]) -> None:
    """First part with room for at least half of the artist's songs, while every part gets an artist."""
    waiting = list(artists)
    for number, artist in enumerate(waiting):
        empty = [part for part in PARTS if part not in part_of.values()]
        fits = next(part for part in PARTS if room[part] >= sizes[artist] / 2 or part == "train")
        second_of_several = sizes[artist] > 1 and number == 1 and "validation" in empty
        forced = len(waiting) - number <= len(empty)
        part = empty[0] if forced else "validation" if second_of_several else fits
        part_of[artist] = part
        room[part] -= sizes[artist]
