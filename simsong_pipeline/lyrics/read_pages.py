"""Pages that were read before are not cleaned again: what a page gave is taken over while the page is as it was."""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version

import polars as pl

from simsong_pipeline.lyrics.frame import READING, build_lyrics
from simsong_pipeline.schemas import LYRICS

# What is kept of a row of lyrics: all but the words, for which their hash stands.
_GIVEN = [name for name in LYRICS.columns if name != "text"]


@dataclass(frozen=True)
class ReadLyrics:
    """The lyrics frame of some pages, and the frame by which the next run knows what of it is as it was.

    Attributes:
        read: a row for each track with pages: what they gave, without the words, and `pages`, the hash of the pages.
        cleaned: tracks whose pages were read now.
    """

    lyrics: pl.DataFrame
    read: pl.DataFrame
    cleaned: int


def read_lyrics(
    tracks: pl.DataFrame,
    pages: pl.DataFrame,
    previous: pl.DataFrame | None = None,
    read: pl.DataFrame | None = None,
) -> ReadLyrics:
    """As `build_lyrics` of all tracks and pages, which cleans only the pages that are new or changed.

    A fetched page is preferred to a bag of words.

    Args:
        previous: the lyrics frame of the last run. A row that is not the one that `read` tells of, because earlier
            words were kept for a damaged page or a run was stopped, is made anew.
        read: as the last run gave it.
    """
    hashes = _hashes(pages).join(tracks, on="track_id", how="semi")
    known = build_lyrics(tracks.clear(), [])
    if previous is not None and read is not None:
        same = read.join(hashes, on=["track_id", "pages"], how="semi").select(_GIVEN)
        known = previous.join(same, on=_GIVEN, how="semi", nulls_equal=True).select(known.columns)
    asked = hashes.join(known, on="track_id", how="anti").select("track_id")
    new = build_lyrics(asked, _by_preference(pages.join(asked, on="track_id", how="semi", maintain_order="left")))
    without = build_lyrics(tracks.select("track_id").join(hashes, on="track_id", how="anti"), [])
    order = tracks.select("track_id")
    lyrics = order.join(pl.concat([known, new, without]), on="track_id", how="left", maintain_order="left")
    return ReadLyrics(lyrics, lyrics.select(_GIVEN).join(hashes, on="track_id"), asked.height)


def _by_preference(pages: pl.DataFrame) -> list[pl.DataFrame]:
    is_bag = pl.col("provider") == "musixmatch"
    return [pages.filter(~is_bag), pages.filter(is_bag)]


def _hashes(pages: pl.DataFrame) -> pl.DataFrame:
    """track_id, pages: the hash of all pages of a track, and of the way in which they are read."""
    way = f"{READING} {version('py3langid')}".encode()
    found: dict[str, hashlib._Hash] = {}
    for track_id, *parts in pages.select("track_id", "provider", "status", "text").rows():
        if track_id not in found:
            found[track_id] = hashlib.sha256(way)
        for part in parts:
            # With its length, so that no two rows of pages are the same bytes; null is no empty text.
            content = b"" if part is None else part.encode()
            found[track_id].update(f" {-1 if part is None else len(content)} ".encode() + content)
    rows = [(track_id, digest.hexdigest()) for track_id, digest in found.items()]
    return pl.DataFrame(rows, schema={"track_id": pl.String, "pages": pl.String}, orient="row")
