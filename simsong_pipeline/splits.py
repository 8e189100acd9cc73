"""Artist-disjoint parts: a model is judged on artists that it never heard.

Artists keep their part when the catalogue grows, so a model's training artists never turn up in its test. Everybody
whom a song names counts, guests as well: artists with a song in common go to one part together. They do not where that
would be too large a group, or where both had their parts before; then the songs that name artists of two parts are in
no part, so they are neither trained on nor asked about. Where that would cost a third of the songs, or leave a part
nearly empty, as where everybody sings with everybody, main artists alone count.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from simsong_pipeline.artist_ids import named_in
from simsong_pipeline.config import SplitConfig
from simsong_pipeline.errors import SchemaError
from simsong_pipeline.schemas import SPLITS, conform

PARTS = ("test", "validation", "train")
# Songs in the test part for each song of its largest artist: a gallery needs others as well.
_GALLERY = 1.35
# The largest share of the songs that guests may join to one group: the first that divides the catalogue well.
_LARGEST = (0.5, 0.33, 0.2)
# Of the songs, those that may be in no part; of its aim, what a judged part has at least.
_LOST, _FILLED = 0.33, 0.33


def split_by_artist(
    tracks: pl.DataFrame, config: SplitConfig, previous: pl.DataFrame | None = None, by_artist: bool = False
) -> pl.DataFrame:
    """Give each artist to one part; test and validation are filled up to their shares of the songs.

    Args:
        tracks: track_id, artist_id, and artist_ids where songs name others as well.
        previous: artist_id, split of every artist that an earlier split of the same configuration knew; they
            stay where they are, also when they were away in between. Tracks are remembered by their ids in the same
            way, for a song may have come to another artist since.
        by_artist: songs are related because they share an artist. Then a song whose artist has no other
            answers nothing, so the artists of several songs go to the judged parts first.

    Returns:
        A part for each track but those that name artists of several parts. Of fewer than three artists none can be
        judged: all are to train on.

    Raises:
        SchemaError: shares that leave nothing to train on.
    """
    counts = tracks.group_by("artist_id").len().sort("artist_id")
    if counts.height < len(PARTS):
        return conform(tracks.select("track_id", pl.lit("train").alias("split")), SPLITS)
    if config.validation + config.test >= 1:
        raise SchemaError(f"validation {config.validation} + test {config.test} leaves nothing to train on")
    order = np.random.default_rng(config.seed).permutation(counts.height)
    sizes: dict[str, int] = dict(counts[order].rows())
    known = {} if previous is None else dict(previous.select("artist_id", pl.col("split").cast(pl.String)).rows())
    songs = _named(tracks, known)
    for largest in _LARGEST:
        found = _divided(_Groups(sizes, known, songs, largest * tracks.height), songs, config, by_artist)
        if found is not None and _is_well_divided(found, tracks.height, config):
            break
    else:
        alone = _named(tracks.select("track_id", "artist_id"), known)
        found = _divided(_Groups(sizes, known, alone, tracks.height), alone, config, by_artist)
    assert found is not None
    return conform(pl.DataFrame(list(found.items()), schema=["track_id", "split"], orient="row"), SPLITS)


def _divided(
    groups: "_Groups", songs: dict[str, list[str]], config: SplitConfig, by_artist: bool
) -> dict[str, str] | None:
    """Parts by track id, without songs that name artists of several; null where there are too few groups."""
    if len(groups.sizes) < len(PARTS):
        return None
    room = _room(groups, len(songs), config, by_artist)
    part_of = {group: part for group, part in groups.parts.items() if group in groups.sizes}
    for group, part in part_of.items():
        room[part] -= groups.sizes[group]
    _assign([g for g in _ordered(groups, by_artist) if g not in part_of], groups, part_of, room)
    parts = {track_id: _part_of_all(names, groups, part_of) for track_id, names in songs.items()}
    return {track_id: part for track_id, part in parts.items() if part is not None}


def _is_well_divided(found: dict[str, str], total: int, config: SplitConfig) -> bool:
    counts = Counter(found.values())
    aims = {"test": config.test, "validation": config.validation, "train": 1 - config.test - config.validation}
    filled = all(counts[part] >= _FILLED * aim * total for part, aim in aims.items())
    return filled and len(found) >= (1 - _LOST) * total


def _named(tracks: pl.DataFrame, known: dict[str, str]) -> dict[str, list[str]]:
    """All names by track id, in the tracks' order, the main artist first; a remembered track is a name of its own.

    Not one that has its artist's part: it says nothing that the artist does not say.
    """
    songs = {track_id: [artist_id] for track_id, artist_id in tracks.select("track_id", "artist_id").rows()}
    for track_id, name in _guests(tracks).rows():
        songs[track_id].append(name)
    for track_id, found in songs.items():
        if track_id in known and known[track_id] != known.get(found[0]):
            found.append(track_id)
    return songs


def _guests(tracks: pl.DataFrame) -> pl.DataFrame:
    """track_id, artist_id: those whom a song names besides its main artist, each once."""
    main = tracks.select("track_id", "artist_id")
    return named_in(tracks).join(main, on=["track_id", "artist_id"], how="anti", maintain_order="left")


class _Groups:
    """Artists that belong together because songs name both.

    Args:
        sizes: songs by main artist, in the order in which artists are assigned.
        known: the part of each name that has one.
        songs: names by track id, the main artist first.
        most: songs that a group of several artists may have.

    Attributes:
        sizes: songs of each group that has any, by the name that stands for it.
        largest: songs of its largest artist.
        parts: those that are known, by group.
    """

    def __init__(self, sizes: dict[str, int], known: dict[str, str], songs: dict[str, list[str]], most: float) -> None:
        self.sizes, self.largest, self._most = dict(sizes), dict(sizes), most
        names = {*sizes, *(name for found in songs.values() for name in found)}
        self.parts = {name: known[name] for name in names if name in known}
        self._above: dict[str, str] = {}
        together = Counter((found[0], other) for found in songs.values() for other in found[1:])
        for (artist, other), _ in sorted(together.items(), key=lambda item: (-item[1], item[0])):
            self._join(self.of(artist), self.of(other))

    def of(self, name: str) -> str:
        """The group of a name."""
        while name in self._above:
            above = self._above[name]
            if above in self._above:
                self._above[name] = self._above[above]
            name = above
        return name

    def _join(self, group: str, other: str) -> None:
        """Take another group, one of guests alone it may be, into the group of a main artist."""
        songs = self.sizes.get(other, 0)
        if group == other or (songs and self.sizes[group] + songs > self._most):
            return
        if group in self.parts and other in self.parts and self.parts[group] != self.parts[other]:
            return
        self._above[other] = group
        self.sizes[group] += self.sizes.pop(other, 0)
        self.largest[group] = max(self.largest[group], self.largest.pop(other, 0))
        if other in self.parts:
            self.parts[group] = self.parts.pop(other)


def _part_of_all(names: Sequence[str], groups: _Groups, part_of: dict[str, str]) -> str | None:
    """The part of everybody whom a song names; null where they are in several."""
    if len(names) == 1:
        return part_of[groups.of(names[0])]
    found = {groups.of(name) for name in names}
    parts = {part_of.get(group) or groups.parts.get(group) for group in found} - {None}
    return parts.pop() if len(parts) == 1 else None


def remember(previous: pl.DataFrame | None, tracks: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """`previous` and the artists and tracks of `splits`, one row each: nothing is ever forgotten."""
    names = pl.concat([named_in(tracks), tracks.select("track_id", pl.col("track_id").alias("artist_id"))])
    now = names.join(splits, on="track_id").select("artist_id", "split")
    both = now if previous is None else pl.concat([previous, now])
    return both.unique("artist_id", keep="first", maintain_order=True).sort("artist_id")


def _room(groups: _Groups, total: int, config: SplitConfig, by_artist: bool) -> dict[str, float]:
    test = config.test * total
    if by_artist:
        test = max(test, _GALLERY * max(groups.largest.values()))
    return {"test": test, "validation": config.validation * total, "train": total * 1.0}


def _ordered(groups: _Groups, by_artist: bool) -> list[str]:
    """Random order, or the artists of several songs first, the largest at the front."""
    return sorted(groups.sizes, key=lambda g: _several(groups, g)) if by_artist else list(groups.sizes)


def _several(groups: _Groups, group: str) -> int:
    return -groups.largest[group] if groups.largest[group] > 1 else 0


def _assign(waiting: Sequence[str], groups: _Groups, part_of: dict[str, str], room: dict[str, float]) -> None:
    """First part with room for all but half of the largest artist's songs, while every part gets an artist."""
    filled = set(part_of.values())
    for number, group in enumerate(waiting):
        size, largest = groups.sizes[group], groups.largest[group]
        empty = [part for part in PARTS if part not in filled]
        fits = next(part for part in PARTS if room[part] >= size - largest / 2 or part == "train")
        second_of_several = largest > 1 and number == 1 and "validation" in empty
        forced = len(waiting) - number <= len(empty)
        part = empty[0] if forced else "validation" if second_of_several else fits
        part_of[group] = part
        filled.add(part)
        room[part] -= size
