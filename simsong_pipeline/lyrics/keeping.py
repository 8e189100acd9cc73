"""Lyrics stay until a page says otherwise: one that cannot be read, or holds nothing, says nothing."""

import polars as pl

from simsong_pipeline.lyrics.cleaning import HTML_REASON
from simsong_pipeline.schemas import LYRICS, conform

KEPT = "; its earlier lyrics are kept"
_WORDS = ("language", "text", "text_sha256", "provider")


def keep_lyrics(lyrics: pl.DataFrame, pages: pl.DataFrame, previous: pl.DataFrame | None) -> pl.DataFrame:
    """The lyrics frame with the words of the last run where today's page is damaged; the reason says so.

    A page that was read and says that there are none, or that the song is instrumental, takes them away, and so does
    one that is gone.

    Args:
        lyrics: of today's pages.
        pages: of status, text.
        previous: the lyrics frame of the last run, null before the first.
    """
    if previous is None:
        return lyrics
    silent = pages.filter(_says_nothing()).select("track_id").unique()
    lost = lyrics.filter(~pl.col("status").is_in(["ok", "instrumental"]))
    damaged = pl.concat([lost.join(silent, on="track_id", how="semi"), lost.filter(pl.col("reason") == HTML_REASON)])
    known = previous.filter(pl.col("status") == "ok").select("track_id", *_WORDS)
    kept = damaged.unique("track_id").select("track_id", "reason").join(known, on="track_id")
    kept = kept.with_columns(pl.lit("ok").alias("status"), pl.col("reason") + KEPT)
    if not kept.height:
        return lyrics
    others = lyrics.join(kept, on="track_id", how="anti")
    both = pl.concat([others, conform(kept, LYRICS)])
    return lyrics.select("track_id").join(both, on="track_id", maintain_order="left")


def _says_nothing() -> pl.Expr:
    """A page without words that does not say why there are none: damaged, or its provider did not answer."""
    text = pl.col("text").fill_null("").str.strip_chars()
    return (text == "") & ~pl.col("status").is_in(["INSTRUMENTAL", "NOT_FOUND"])
