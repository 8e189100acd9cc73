"""Whose an album is: an artist's, or of various ones, as far as folders tell.

No frame keeps the tag for an album's artist. A compilation is seen by its folder: several artists' songs, and one
title of an album for all of them. Folders of discs count as the one that holds them.
"""

import polars as pl

VARIOUS = "Various Artists"
_FILE, _DISC = r"[/\\][^/\\]*$", r"(?i)[/\\](?:cd|disc|disk)[ _-]*\d+$"
# Two compilations of one title lie in folders of other names, be they moved or not.
_NAMES = r"[^/\\]+[/\\]?[^/\\]*$"
_BETWEEN = "\x00"


def with_album_artists(songs: pl.DataFrame) -> pl.DataFrame:
    """The songs with `owner_key` (what the catalogue calls the album's artist), `owner` (its name where a song says it)
    and `album_key` (another one for each album; null for no album).

    Args:
        songs: artist_key, artist, album, path.
    """
    folder = pl.col("path").str.replace(_FILE, "").str.replace(_DISC, "")
    rows = songs.with_columns(pl.when(pl.col("album").is_not_null()).then(folder).alias("folder"))
    known = rows.join(_shared_folders(rows), on="folder", how="left", maintain_order="left")
    owner_key = pl.coalesce("shared_by", "artist_key")
    is_various = (pl.col("shared_by") == VARIOUS).fill_null(value=False)
    place = pl.when(is_various).then(pl.col("folder").str.extract(f"({_NAMES})") + _BETWEEN).otherwise(pl.lit(""))
    own_name = pl.when(pl.col("artist_key") == owner_key).then("artist")
    return known.with_columns(
        owner_key.alias("owner_key"),
        pl.when(is_various).then(pl.lit(VARIOUS)).otherwise(own_name).alias("owner"),
        (owner_key + _BETWEEN + place + pl.coalesce("shared_title", "album")).alias("album_key"),
    ).drop("folder", "shared_by", "shared_title")


def _shared_folders(rows: pl.DataFrame) -> pl.DataFrame:
    """folder, shared_title, shared_by (whose more than half of the songs are, else `VARIOUS`), if one album."""
    named = rows.drop_nulls("folder")
    by_artist = named.group_by("folder", "artist_key").len().sort("folder", "len", "artist_key", descending=True)
    first = by_artist.group_by("folder", maintain_order=True).first()
    folders = named.group_by("folder").agg(
        pl.col("album").str.to_lowercase().n_unique().alias("titles"),
        pl.col("album").mode().sort().first().alias("shared_title"),
        pl.col("artist_key").n_unique().alias("artists"),
        pl.len().alias("songs"),
    )
    shared = folders.filter((pl.col("titles") == 1) & (pl.col("artists") > 1)).join(first, on="folder")
    is_one = 2 * pl.col("len") > pl.col("songs")
    by = pl.when(is_one).then("artist_key").otherwise(pl.lit(VARIOUS))
    return shared.select("folder", "shared_title", by.alias("shared_by"))
