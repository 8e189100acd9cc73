"""The columns `artist_id` and `artist_ids`: a name is parsed once, however many songs have it."""

from collections.abc import Iterable

import polars as pl

from simsong_pipeline.credits import OWN, Credit, credit_of, guests_by_title, may_name_a_guest, parts_of


def main_artist_ids(artists: Iterable[str | None], track_ids: Iterable[str]) -> pl.Series:
    """`artist_id` of songs of which only names are known: the main artist's key; a song of nobody has its own."""
    given = list(artists)
    mains = {artist: credit_of(artist).main for artist in set(given)}
    ids = [mains[artist] or f"{OWN}{track_id}" for artist, track_id in zip(given, track_ids, strict=True)]
    return pl.Series("artist_id", ids, pl.String)


def all_artist_ids(tracks: pl.DataFrame) -> pl.Series:
    """`artist_ids` of each song: its artist_id, and the keys of all whom artist_name and title name.

    A duet as "A & B" names A and B where both have songs of their own in these tracks.
    """
    credits = {name: credit_of(name) for name in tracks["artist_name"].unique()}
    duets = _duets({credit.main for credit in credits.values()})
    asked = pl.when(may_name_a_guest(pl.col("title"))).then("title").alias("title")
    rows = tracks.select("artist_id", "artist_name", asked)
    each = rows.unique(maintain_order=True)
    named = [_named(artist_id, credits[name], title, duets) for artist_id, name, title in each.rows()]
    lists = each.with_columns(pl.Series("artist_ids", named, pl.List(pl.String)))
    return rows.join(lists, on=rows.columns, how="left", nulls_equal=True, maintain_order="left")["artist_ids"]


def _named(artist_id: str, credit: Credit, title: str | None, duets: dict[str | None, tuple[str, ...]]) -> list[str]:
    guests = guests_by_title(title) if title else ()
    return list(dict.fromkeys([artist_id, *credit.names, *guests, *duets[credit.main]]))


def _duets(mains: set[str | None]) -> dict[str | None, tuple[str, ...]]:
    """By main artist the artists that the name joins, all of whom are main artists too."""
    joined = {main: parts_of(main or "") for main in mains}
    return {main: parts if all(part in mains for part in parts) else () for main, parts in joined.items()}
