"""The frames of a library: songs, artists, albums and genres as people look for them, a row each, with stable ids."""

import hashlib
from collections.abc import Callable

import polars as pl

from simsong_pipeline.audio.event_place import playable
from simsong_pipeline.credits import first_artist
from simsong_pipeline.genres import genres_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.album_artists import VARIOUS, with_album_artists
from simsong_pipeline.service.folding import folded_column

_BETWEEN = "\x00"


def artist_id_of(artist_key: str) -> str:
    """The id of an artist by what the catalogue calls it, in letters that an address can have."""
    return f"ar-{_digest(artist_key)}"


def album_id_of(artist_key: str, album: str) -> str:
    """The id of an artist's own album."""
    return _album_id(f"{artist_key}{_BETWEEN}{album}")


def _album_id(key: str) -> str:
    return f"al-{_digest(key)}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:20]


def songs_frame(home: Workspace, ids: pl.Series) -> pl.DataFrame:
    """The songs that the index holds, by artist, album and path: the order of every list of songs.

    Columns: id, title, artist, artist_key, artist_id, album, album_id, year, genres, duration_s, path, size_bytes,
    modified_ns, title_form, artist_form, album_form; album_artist and album_artist_id, null where there is no album.
    """
    tracks = home.read("tracks").filter(pl.col("track_id").is_in(ids.implode()))
    audio = home.read("audio").select(
        "track_id", playable(), "size_bytes", "modified_ns", pl.col("duration_s").alias("decoded_s")
    )
    rows = tracks.join(audio, on="track_id", how="left", maintain_order="left").join(
        _first_tags(home), on="track_id", how="left", maintain_order="left"
    )
    genre = pl.coalesce("genre", "tag")
    songs = rows.select(
        pl.col("track_id").alias("id"),
        "title",
        pl.col("artist_name").alias("artist"),
        pl.col("artist_id").alias("artist_key"),
        _mapped("artist_id", artist_id_of).alias("artist_id"),
        pl.when(pl.col("release") != "").then("release").alias("album"),
        "year",
        genre.alias("genre"),
        pl.coalesce(pl.when(pl.col("duration_s") > 0).then("duration_s"), "decoded_s").alias("duration_s"),
        "path",
        "size_bytes",
        "modified_ns",
    )
    songs = (
        with_album_artists(songs)
        .with_columns(
            _mapped("owner_key", artist_id_of).alias("album_artist_id"),
            _mapped("album_key", _album_id).alias("album_id"),
            _genres(songs["genre"]).alias("genres"),
            *[folded_column(songs[n]).alias(f"{n}_form") for n in ("title", "artist", "album")],
        )
        .drop("album_key", "owner_key", "genre")
    )
    owner = pl.col("owner").drop_nulls().mode().sort().first().over("album_id")
    has_album = pl.col("album_id").is_not_null()
    songs = songs.with_columns(
        pl.when(has_album).then(owner).alias("album_artist"), pl.when(has_album).then("album_artist_id")
    ).drop("owner")
    return songs.sort("artist_form", "album_form", "path", "title_form", "id")


def _first_tags(home: Workspace) -> pl.DataFrame:
    """track_id, tag: the weightiest, of which a genre is made where none is known."""
    tags = home.read("lastfm_tags").filter(pl.col("weight") > 0).sort("weight", "tag", descending=[True, False])
    return tags.unique("track_id", keep="first", maintain_order=True).select("track_id", "tag")


def _mapped(column: str, form: Callable[[str], str]) -> pl.Expr:
    """A column's values by a function that each is given to once."""

    def of(values: pl.Series) -> pl.Series:
        each = values.drop_nulls().unique()
        forms = pl.Series([form(value) for value in each.to_list()], dtype=pl.String)
        return values.replace_strict(each, forms, default=None, return_dtype=pl.String)

    return pl.col(column).map_batches(of, return_dtype=pl.String)


def _genres(fields: pl.Series) -> pl.Series:
    """The genres of each field."""
    each = fields.drop_nulls().unique()
    split = pl.DataFrame(
        {"field": each, "genres": [genres_of([field]) for field in each.to_list()]},
        schema={"field": pl.String, "genres": pl.List(pl.String)},
    )
    rows = pl.DataFrame({"field": fields}).join(split, on="field", how="left", maintain_order="left")
    return rows["genres"].fill_null([])


def artists_frame(songs: pl.DataFrame) -> pl.DataFrame:
    """id, name, form, songs, albums: by name. Albums of various artists count for each of them, and for `VARIOUS`."""
    songs = pl.concat([songs, various_songs(songs)])
    counts = songs.group_by("artist_id", "artist").len().sort("len", "artist", descending=[True, False])
    names = counts.unique("artist_id", keep="first", maintain_order=True)
    named = names.select(
        pl.col("artist_id").alias("id"),
        pl.Series("name", [first_artist(name) for name in names["artist"].to_list()], pl.String),
    )
    numbers = songs.group_by("artist_id").agg(
        pl.len().alias("songs"), pl.col("album_id").drop_nulls().n_unique().alias("albums")
    )
    rows = named.join(numbers, left_on="id", right_on="artist_id")
    return rows.with_columns(folded_column(rows["name"]).alias("form")).sort("form", "name", "id")


def various_songs(songs: pl.DataFrame) -> pl.DataFrame:
    """The songs of albums that are no one artist's, as songs of `VARIOUS`."""
    found = songs.filter((pl.col("album_artist") == VARIOUS) & (pl.col("artist_id") != pl.col("album_artist_id")))
    return found.with_columns(pl.col("album_artist").alias("artist"), pl.col("album_artist_id").alias("artist_id"))


def albums_frame(songs: pl.DataFrame) -> pl.DataFrame:
    """id, name, artist, artist_id, form, artist_form, year, genres, songs, duration_s, modified_ns: by artist, name."""
    rows = songs.drop_nulls("album_id").group_by("album_id", maintain_order=True)
    first = [pl.col(name).first() for name in ("album", "album_form", "album_artist", "album_artist_id")]
    albums = rows.agg(
        *first,
        pl.col("year").max(),
        pl.col("genres").explode().drop_nulls().unique(maintain_order=True),
        pl.len().alias("songs"),
        pl.col("duration_s").sum(),
        pl.col("modified_ns").max(),
        pl.col("id").first().alias("cover_song"),
    )
    names = {
        "album_id": "id",
        "album": "name",
        "album_form": "form",
        "album_artist": "artist",
        "album_artist_id": "artist_id",
    }
    named = albums.rename(names)
    return named.with_columns(folded_column(named["artist"]).alias("artist_form")).sort("artist_form", "form", "id")


def genres_frame(songs: pl.DataFrame) -> pl.DataFrame:
    """name, songs, albums: the commonest first."""
    each = songs.select("id", "album_id", pl.col("genres").alias("name")).explode("name").drop_nulls("name")
    counts = each.group_by("name").agg(
        pl.len().alias("songs"), pl.col("album_id").drop_nulls().n_unique().alias("albums")
    )
    return counts.sort("songs", "name", descending=[True, False])
