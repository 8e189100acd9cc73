"""Which songs two programs mean by the ids of their recordings at MusicBrainz, or by their names and lengths."""

from collections.abc import Callable

import polars as pl

from simsong_pipeline.asking.finding import folded
from simsong_pipeline.credits import first_artist, is_nobody

_APART_S = 2.0
NOT_CALLED_SO = "no song of SimSong lies at its path, or is called so"
SEVERAL_HERE = "several songs of SimSong are called so"
SEVERAL_THERE = "several songs of the server are called so"
OTHER_LENGTH = "the song that is called so has another length"
OTHER_ALBUM = "the song that is called so is on another album"


def match_musicbrainz(server: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """external_id, track_id: songs of one recording; none where several of the home's songs are of it.

    Args:
        server: external_id, musicbrainz_id.
        own: track_id, musicbrainz_id.
    """
    known = own.drop_nulls("musicbrainz_id").filter(pl.len().over("musicbrainz_id") == 1)
    theirs = server.drop_nulls("musicbrainz_id").with_columns(pl.col("musicbrainz_id").str.to_lowercase())
    return theirs.join(known, on="musicbrainz_id").select("external_id", "track_id")


def match_names(server: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """external_id, track_id, problem: for each of the server's songs the one that is called so, or why there is none.

    Called so are songs of one artist (the first, without guests), title and album, accents and marks aside, whose
    lengths are 2 s apart at most. The album does not count where one of the two is on none that is known. Two that are
    called the same are told apart by nothing, and none of them is taken.

    Args:
        server: external_id, artist, title, album, duration_s.
        own: track_id and the same.
    """
    theirs, ours = _with_forms(server), _with_forms(own)
    pairs = theirs.join(ours, on=["artist_form", "title_form"], suffix="_own")
    apart = (pl.col("duration_s") - pl.col("duration_s_own")).abs()
    pairs = pairs.with_columns(
        (apart <= _APART_S).fill_null(value=False).alias("in_time"),
        pl.col("album_form").eq_missing(pl.col("album_form_own")).alias("on_it"),
        pl.any_horizontal(pl.col("album_form", "album_form_own").is_null()).alias("on_none"),
    )
    fitting = pairs.filter(pl.col("in_time") & (pl.col("on_it") | pl.col("on_none")))
    # The very album goes before one that is not known.
    best = fitting.filter(pl.col("on_it") == pl.col("on_it").any().over("external_id"))
    best = best.filter(pl.col("on_it") == pl.col("on_it").any().over("track_id"))
    best = best.with_columns(pl.len().over("external_id").alias("here"), pl.len().over("track_id").alias("there"))
    single = best.filter((pl.col("here") == 1) & (pl.col("there") == 1))
    matched = single.select("external_id", "track_id", pl.lit(None, pl.String).alias("problem"))
    left = server.select("external_id").join(matched, on="external_id", how="anti")
    return pl.concat([matched, _problems(left, pairs, fitting, best)])


def _problems(left: pl.DataFrame, pairs: pl.DataFrame, fitting: pl.DataFrame, best: pl.DataFrame) -> pl.DataFrame:
    """Why each of the songs that are left has none, by the first reason that holds."""

    def among(songs: pl.DataFrame) -> pl.Expr:
        return pl.col("external_id").is_in(songs["external_id"].unique().implode())

    reason = (
        pl.when(among(best.filter(pl.col("here") > 1)))
        .then(pl.lit(SEVERAL_HERE))
        .when(among(fitting))
        .then(pl.lit(SEVERAL_THERE))
        .when(among(pairs.filter("in_time")))
        .then(pl.lit(OTHER_ALBUM))
        .when(among(pairs))
        .then(pl.lit(OTHER_LENGTH))
        .otherwise(pl.lit(NOT_CALLED_SO))
    )
    return left.select("external_id", pl.lit(None, pl.String).alias("track_id"), reason.alias("problem"))


def _with_forms(songs: pl.DataFrame) -> pl.DataFrame:
    """The songs that have an artist and a title, with the forms by which names are compared; null for no name."""
    artists, titles, albums = songs["artist"], songs["title"], songs["album"]
    formed = songs.with_columns(
        _forms(artists, _artist_form).alias("artist_form"),
        _forms(titles, folded).alias("title_form"),
        _forms(albums, _album_form).alias("album_form"),
    )
    return formed.drop("artist", "title", "album").drop_nulls(["artist_form", "title_form"])


def _forms(names: pl.Series, form: Callable[[str], str]) -> pl.Series:
    """Each name's form, made once for all that are alike; null for an empty one."""
    each = names.drop_nulls().unique()
    forms = [form(name) or None for name in each.to_list()]
    return names.replace_strict(each, pl.Series(forms, dtype=pl.String), default=None, return_dtype=pl.String)


def _artist_form(artist: str) -> str:
    first = first_artist(artist)
    return "" if is_nobody(first) else folded(first)


def _album_form(album: str) -> str:
    """Servers write something where an album is not known."""
    return "" if album.startswith("[") and album.endswith("]") else folded(album)
