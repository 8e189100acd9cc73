"""Joins raw tracks into the catalogue: what cannot be used leaves it, with its reason.

Input and output are frames; reading files belongs to `sources`.
"""

import hashlib
from dataclasses import dataclass

import polars as pl

from simsong_pipeline.artist_ids import all_artist_ids
from simsong_pipeline.config import CatalogueConfig
from simsong_pipeline.errors import SchemaError
from simsong_pipeline.schemas import EXCLUSIONS, TRACKS, conform

_REQUIRED = ("track_id", "artist_id", "artist_name", "title")


@dataclass(frozen=True)
class Catalogue:
    """The tracks that stay, and a row for each that left or lost a field."""

    tracks: pl.DataFrame
    exclusions: pl.DataFrame


def build_catalogue(
    raw: pl.DataFrame,
    source: str,
    mismatches: pl.DataFrame,
    duplicates: pl.DataFrame,
    config: CatalogueConfig,
) -> Catalogue:
    """Clean fields, drop mismatched tracks, keep one track of each duplicate clique.

    Args:
        raw: columns of `sources.raw_tracks.RAW_TRACKS`, `file`, and `unreadable`: the reason why a file gave
            no row, null for a row that was read.
        source: name of where the rows come from, kept in the `source` column.
        mismatches: track_id, detail.
        duplicates: clique, track_id; the first track of a clique that is in the catalogue stays.

    Raises:
        SchemaError: no track is left.
    """
    cleaned = _cleaned(raw.filter(pl.col("unreadable").is_null()))
    unreadable = raw.filter(pl.col("unreadable").is_not_null())
    unread = unreadable.select("track_id", "file", pl.col("unreadable").alias("reason"))
    left = pl.concat([unread, _unusable(cleaned), _mismatched(cleaned, mismatches)]).unique(
        "track_id", keep="first", maintain_order=True
    )
    stays = cleaned.unique("track_id", keep="first", maintain_order=True).join(left, on="track_id", how="anti")
    copies = _copies(stays, duplicates)
    stays = stays.join(copies, on="track_id", how="anti").sort("track_id")
    if config.share < 1:
        stays = stays.filter(_drawn(stays["artist_id"], config.share))
    if config.max_tracks is not None:
        stays = stays.head(config.max_tracks)
    if not stays.height:
        raise SchemaError(f"none of the {raw.height} raw tracks can be used; the first reason: {_first(left)}")
    exclusions = pl.concat([left, copies, _lost_fields(stays)]).with_columns(pl.lit("tracks").alias("stage"))
    tracks = stays.with_columns(pl.lit(source).alias("source"), all_artist_ids(stays))
    return Catalogue(conform(tracks, TRACKS), conform(exclusions, EXCLUSIONS))


def _drawn(artist_ids: pl.Series, share: float) -> pl.Series:
    """Which songs are by artists of a share; of a larger share it is a part."""
    known = artist_ids.unique().to_list()
    most = int(share * 2**32)
    inside = [name for name in known if int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) < most]
    return artist_ids.is_in(inside)


def _cleaned(raw: pl.DataFrame) -> pl.DataFrame:
    """Blank text, year 0 and durations that are not positive numbers become null; the raw duration is kept."""
    text = [n for n, t in raw.schema.items() if t == pl.String]
    stripped = [pl.when(pl.col(n).str.strip_chars() != "").then(pl.col(n).str.strip_chars()).alias(n) for n in text]
    return raw.with_columns(
        *stripped,
        pl.when(pl.col("year") > 0).then("year").alias("year"),
        pl.when(pl.col("duration_s").is_finite() & (pl.col("duration_s") > 0)).then("duration_s").alias("duration_s"),
        (pl.col("duration_s").is_nan()).fill_null(False).alias("duration_was_nan"),
    )


def _unusable(rows: pl.DataFrame) -> pl.DataFrame:
    lacks = pl.concat_list(
        [pl.when(pl.col(n).is_null()).then(pl.lit(n)).otherwise(pl.lit(None, pl.String)) for n in _REQUIRED]
    ).list.drop_nulls()
    bad = rows.with_columns(lacks.alias("lacks")).filter(pl.col("lacks").list.len() > 0)
    reason = pl.lit("no ") + pl.col("lacks").list.join(", ")
    return bad.select(pl.col("track_id").fill_null("(none)"), "file", reason.alias("reason"))


def _mismatched(rows: pl.DataFrame, mismatches: pl.DataFrame) -> pl.DataFrame:
    joined = rows.join(mismatches.unique("track_id", keep="first"), on="track_id")
    reason = pl.lit("song and track id do not match: ") + pl.col("detail")
    return joined.select("track_id", "file", reason.alias("reason"))


def _copies(rows: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    known = duplicates.join(rows, on="track_id", maintain_order="left").with_columns(
        pl.col("track_id").first().over("clique").alias("kept")
    )
    reason = pl.lit("duplicate of ") + pl.col("kept")
    copies = known.filter(pl.col("track_id") != pl.col("kept")).unique("track_id", keep="first", maintain_order=True)
    return copies.select("track_id", "file", reason.alias("reason"))


def _lost_fields(rows: pl.DataFrame) -> pl.DataFrame:
    reason = pl.lit("duration is not a number: field left out, track kept")
    return rows.filter("duration_was_nan").select("track_id", "file", reason.alias("reason"))


def _first(left: pl.DataFrame) -> str:
    return f"{left['track_id'][0]}: {left['reason'][0]}" if left.height else "there were none"


def restrict(pairs: pl.DataFrame, tracks: pl.DataFrame) -> pl.DataFrame:
    """Rows whose track_id (and neighbour_id, where there is one) is in the catalogue."""
    for column in ("track_id", "neighbour_id"):
        if column in pairs.columns:
            pairs = pairs.join(tracks.select(pl.col("track_id").alias(column)), on=column, how="semi")
    return pairs


def related_by(tracks: pl.DataFrame, column: str) -> pl.DataFrame:
    """Ground truth without listeners: two tracks are related when they share `column`, or one of the values in it.

    Returns:
        A similarity frame with score 1; tracks whose value is null are related to none.
    """
    songs = tracks.select("track_id", column).unique("track_id", keep="first").sort("track_id")
    # Numbers in place of ids, which come last: there are as many pairs as the squares of what artists have.
    numbered = songs.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("song"), pl.col(column).alias("value"))
    lists = _sharing(numbered)
    ranked = lists.with_columns(pl.int_ranges(1, pl.col("other").list.len() + 1, dtype=pl.UInt32).alias("rank"))
    pairs = ranked.explode("other", "rank").filter(pl.col("song") != pl.col("other"))
    ids = songs["track_id"]
    named = [ids.gather(pairs[name]).alias(to) for name, to in (("song", "track_id"), ("other", "neighbour_id"))]
    # Each song stood among its own others, before those that come after it.
    rank = pairs.select(pl.col("rank") - (pl.col("other") > pl.col("song")).cast(pl.UInt32))["rank"]
    return pl.DataFrame(named).with_columns(pl.lit(1.0).alias("score"), rank)


def _sharing(numbered: pl.DataFrame) -> pl.DataFrame:
    """A row for each song that has a value: `song`, and `other`, all that share one with it and itself, in order.

    From a list for each value, so that no pair is looked for or put into its order by itself.
    """
    several = isinstance(numbered.schema["value"], pl.List)
    known = (numbered.explode("value") if several else numbered).drop_nulls()
    by_value = known.group_by("value").agg(pl.col("song").alias("other"))
    lists = known.join(by_value, on="value", maintain_order="left").select("song", "other")
    if not several:
        return lists
    return lists.group_by("song", maintain_order=True).agg(pl.col("other").explode().unique().sort())
