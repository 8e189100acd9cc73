"""What a run did, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from simsong_pipeline.audio.copies import COPY, SAME_FILE
from simsong_pipeline.sources.raw_tracks import LEFT_OUT


@dataclass(frozen=True)
class RunSummary:
    """What a run did. A song counts once, whatever the number of variants.

    Attributes:
        tracks: raw tracks, usable or not.
        excluded: tracks that were left out, copies apart.
        copies: files and recordings that others are copies of.
        embedded: songs with a vector computed in this run.
        unchanged: songs whose vectors were all taken over.
        upserted: songs written to the index.
        unreadable: raw files that could not be read.
    """

    tracks: int
    excluded: int
    copies: int
    embedded: int
    unchanged: int
    upserted: int
    seconds: float
    unreadable: list[str]


def in_a_line(summary: RunSummary) -> str:
    """The numbers for a person."""
    return (
        f"{summary.tracks} tracks, {summary.copies} copies, {summary.excluded} excluded; "
        f"{summary.embedded} embedded, {summary.unchanged} unchanged, {summary.upserted} written to the index; "
        f"{summary.seconds:g} s"
    )


@dataclass(frozen=True)
class CountedFrames:
    """What a summary is counted from."""

    raw_tracks: pl.DataFrame
    audio: pl.DataFrame
    segment_features: pl.DataFrame
    exclusions: pl.DataFrame
    unreadable_pages: Sequence[str]


def counted(frames: CountedFrames, embedded: int, upserted: int, seconds: float) -> RunSummary:
    """The summary of a run that embedded and wrote so many songs, at most, of one variant."""
    raw_tracks, songs = frames.raw_tracks, frames.segment_features.height
    is_same_file = pl.col("unreadable").str.starts_with(SAME_FILE)
    is_unreadable = pl.col("unreadable").is_not_null() & ~is_same_file
    copies = raw_tracks.filter(is_same_file).height + int(
        frames.audio["reason"].drop_nulls().str.starts_with(COPY).sum()
    )
    return RunSummary(
        tracks=raw_tracks.height,
        excluded=raw_tracks.height - songs - copies,
        copies=copies,
        embedded=embedded,
        unchanged=songs - embedded,
        upserted=upserted,
        seconds=seconds,
        unreadable=[
            *(_named(*row) for row in raw_tracks.filter(is_unreadable).select("file", "unreadable").rows()),
            *frames.exclusions.filter((pl.col("stage") == "lastfm") & ~pl.col("reason").str.ends_with(LEFT_OUT))[
                "reason"
            ].to_list(),
            *frames.unreadable_pages,
        ],
    )


def _named(file: str | None, reason: str) -> str:
    """A reason with its file, which most reasons of raw data name themselves."""
    return reason if file is None or file in reason else f"{file}: {reason}"
