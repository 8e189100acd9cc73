"""The columns `artist_id` and `artist_ids`: a name is parsed once, however many songs have it.

Apart from `credits`, because what opens a music file asks that and needs no frames.
"""

from collections.abc import Iterable, Sequence

import polars as pl

from simsong_pipeline.credits import GUEST_WORDS, OWN, Credit, credit_of, guests_by_title, parts_of


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


def may_name_a_guest(title: pl.Expr) -> pl.Expr:
    """False only where `guests_by_title` finds nobody: it asks for the words before a guest, wherever they stand."""
    return title.str.contains(GUEST_WORDS)


def _named(artist_id: str, credit: Credit, title: str | None, duets: dict[str | None, tuple[str, ...]]) -> list[str]:
    guests = guests_by_title(title) if title else ()
    return list(dict.fromkeys([artist_id, *credit.names, *guests, *duets[credit.main]]))


def _duets(mains: set[str | None]) -> dict[str | None, tuple[str, ...]]:
    """By main artist the artists that the name joins, all of whom are main artists too."""
    joined = {main: parts_of(main or "") for main in mains}
    return {main: parts if all(part in mains for part in parts) else () for main, parts in joined.items()}


def songs_naming(named: pl.DataFrame, artist_ids: Sequence[str]) -> list[str]:
    """Track ids of the songs that name one of these artists, as a guest too; of what `named_in` gives."""
    chosen = named.filter(pl.col("artist_id").is_in(list(artist_ids)))
    return chosen["track_id"].unique(maintain_order=True).to_list()


def named_in(tracks: pl.DataFrame) -> pl.DataFrame:
    """track_id, artist_id: a row for each artist whom a song names; the main one where the frame does not say more."""
    main = tracks.select("track_id", "artist_id")
    if "artist_ids" not in tracks.columns:
        return main
    guests = tracks.select("track_id", pl.col("artist_ids").alias("artist_id")).explode("artist_id").drop_nulls()
    return pl.concat([main, guests]).unique(maintain_order=True)
