"""Artist-disjoint parts where the data set itself says which artists are judged, so that figures can be compared."""

from collections.abc import Sequence
from hashlib import sha256

import polars as pl

from simsong_pipeline.artist_ids import named_in
from simsong_pipeline.config import SplitConfig
from simsong_pipeline.schemas import SPLITS, conform


def split_as_stated(tracks: pl.DataFrame, test_artists: Sequence[str], config: SplitConfig) -> pl.DataFrame | None:
    """A part for each track but those that name artists of several parts.

    Guests count who have songs of their own, by their names, so one name under two ids is one artist.

    Of the artists that are not judged a share of `config.validation` is to validate on, by the hash of seed and id:
    an artist keeps its part whoever comes or goes.

    Args:
        tracks: track_id, artist_id, and artist_ids where names are known: the id, its own name, and the others'.
        test_artists: ids of those that are judged; songs of nobody else are.

    Returns:
        Null where none of these artists, or no other, has a song.
    """
    mains, judged = tracks["artist_id"].unique(), set(test_artists)
    tested = mains.is_in(list(judged)).sum()
    if not tested or tested == len(mains):
        return None
    others = sorted(set(mains.to_list()) - judged)
    validation = _validation(others, config)
    by_artist = dict.fromkeys(others, "train") | dict.fromkeys(validation, "validation") | dict.fromkeys(judged, "test")
    own = tracks.with_columns(pl.col("artist_id").replace_strict(by_artist).alias("split"))
    parts = named_in(tracks).join(_parts_of_names(own), on="artist_id")
    one = parts.group_by("track_id").agg(pl.col("split").unique()).filter(pl.col("split").list.len() == 1)
    kept = tracks.select("track_id").join(one.explode("split"), on="track_id", maintain_order="left")
    return conform(kept, SPLITS)


def _parts_of_names(own: pl.DataFrame) -> pl.DataFrame:
    """artist_id, split: of each main artist's id, and of the name that goes with it, which several ids may have."""
    ids = own.select("artist_id", "split")
    if "artist_ids" not in own.columns:
        return ids.unique()
    names = own.select(pl.col("artist_ids").list.get(1, null_on_oob=True).alias("artist_id"), "split").drop_nulls()
    return pl.concat([ids, names]).unique()


def _validation(artists: Sequence[str], config: SplitConfig) -> list[str]:
    """Those of the lowest hashes: a share of all, and somebody in any case."""
    places = {artist: _place(config.seed, artist) for artist in artists}
    chosen = [artist for artist in artists if places[artist] < config.validation]
    return chosen or [min(artists, key=lambda artist: (places[artist], artist))]


def _place(seed: int, artist: str) -> float:
    """In [0, 1), the same on every machine."""
    return int.from_bytes(sha256(f"{seed} {artist}".encode()).digest()[:8], "big") / 2**64
