"""A scan of a music folder as raw frames: tracks, recordings and lyrics."""

import polars as pl

from simsong_pipeline.artist_ids import main_artist_ids
from simsong_pipeline.audio.copies import SAME_FILE
from simsong_pipeline.lyrics.frame import UNREADABLE
from simsong_pipeline.schemas import AUDIO_FILES, LYRIC_PAGES, conform
from simsong_pipeline.sources.raw_tracks import RAW_TRACKS


def library_tracks(files: pl.DataFrame) -> pl.DataFrame:
    """Raw tracks of a scan with a row for each file that gives none: unreadable, or a copy of another file.

    Without tags a song is called as its file, and by nobody that other songs are by: an artist of its own. So is a song
    by "Various Artists" and the like.
    """
    usable = files.filter(pl.col("status") == "ok")
    first = usable.unique("track_id", keep="first", maintain_order=True)
    stem = pl.col("path").str.split("/").list.last().str.replace(r"\.[^.]*$", "")
    artist_id = main_artist_ids(first["artist"], first["track_id"])
    tracks = first.select(
        "track_id",
        pl.lit(None, pl.String).alias("song_id"),
        artist_id,
        pl.coalesce("artist", pl.lit("Unknown artist")).alias("artist_name"),
        pl.coalesce("title", stem).alias("title"),
        "release",
        "genre",
        pl.col("year").fill_null(0).alias("year"),
        pl.lit(None, pl.Float64).alias("duration_s"),
        pl.col("path").alias("file"),
    ).cast({name: kind for name, kind in RAW_TRACKS.items()})
    return pl.concat([tracks, _left_out(files, usable, first)], how="diagonal")


def _left_out(files: pl.DataFrame, usable: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """track_id, file, unreadable. A file that gives no track of its own is named by its path."""
    bad = files.filter(pl.col("status") != "ok").select("path", "reason")
    copies = usable.join(first.select("path"), on="path", how="anti").join(
        first.select("track_id", pl.col("path").alias("kept")), on="track_id"
    )
    same = copies.select("path", (pl.lit(SAME_FILE) + pl.col("kept")).alias("reason"))
    both = pl.concat([bad, same])
    return both.select(
        pl.col("path").alias("track_id"), pl.col("path").alias("file"), pl.col("reason").alias("unreadable")
    )


def library_recordings(files: pl.DataFrame) -> pl.DataFrame:
    """The audio_files frame of a scan."""
    usable = files.filter(pl.col("status") == "ok").unique("track_id", keep="first", maintain_order=True)
    return conform(usable, AUDIO_FILES)


def library_lyrics(files: pl.DataFrame) -> pl.DataFrame:
    """Lyric pages of a scan: from side-car files and tags; lyrics that cannot be read are a page that says so."""
    spoken = files.filter((pl.col("status") == "ok") & pl.col("lyrics_provider").is_not_null())
    return conform(
        spoken.unique("track_id", keep="first", maintain_order=True).select(
            "track_id",
            pl.col("lyrics").alias("text"),
            pl.col("lyrics_provider").alias("provider"),
            pl.when(pl.col("lyrics").is_not_null())
            .then(pl.lit("OK"))
            .otherwise(pl.concat_str(pl.lit(f"{UNREADABLE}: "), "reason"))
            .alias("status"),
        ),
        LYRIC_PAGES,
    )
