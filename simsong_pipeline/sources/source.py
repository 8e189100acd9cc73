"""What raw data are to a run, whatever kind they are of: a raw folder, a manifest or a music folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from simsong_pipeline.config import Relevance, StageConfig
from simsong_pipeline.schemas import LIBRARY_FILES, empty
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.raw_tracks import UnreadableFile


class SourceConfig(StageConfig):
    """Where the raw data lie: a folder in the raw formats, a manifest, or a music folder; else the home's own.

    The first two may lie at an address (`s3://bucket/songs.csv`) in place of a path.
    """

    raw: Path | None = None
    manifest: Path | None = None
    library: Path | None = None
    raw_url: str | None = None
    manifest_url: str | None = None

    @property
    def is_named(self) -> bool:
        """Whether any is named."""
        return any(value is not None for value in self.model_dump().values())


def source_at(raw: Path | str | None = None, manifest: Path | str | None = None) -> SourceConfig:
    """The raw folder or manifest that somebody named, by path or address."""
    given = {"raw": raw, "manifest": manifest}
    places = {f"{n}_url" if isinstance(p, str) else n: p for n, p in given.items() if p is not None}
    return SourceConfig.model_validate(places)


class Kept(Protocol):
    """Frames that earlier readings left: what did not change since is not opened again."""

    def read(self, name: str) -> pl.DataFrame:
        """The frame.

        Raises:
            RawDataError: there is none.
        """
        ...

    def read_if_there(self, name: str) -> pl.DataFrame | None:
        """The frame, or null."""
        ...

    def write(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Keep the frame."""
        ...


@dataclass(frozen=True)
class ListeningFrames:
    """Similarity and tags of the raw tracks, and the files that could not be read."""

    similarity: pl.DataFrame
    tags: pl.DataFrame
    exclusions: pl.DataFrame


class Source(Protocol):
    """Raw data of one kind. Nothing is read before it is asked for."""

    @property
    def config(self) -> SourceConfig:
        """Where it lies, for the home to remember."""
        ...

    @property
    def name(self) -> str:
        """What the column `source` of the tracks says."""
        ...

    @property
    def watched(self) -> frozenset[str]:
        """The raw frames that cannot lose half of their rows from one run to the next unless that is meant."""
        ...

    @property
    def may_hold_copies(self) -> bool:
        """Whether one recording may be there several times, in several encodings."""
        ...

    def listing(self, before: pl.DataFrame | None) -> pl.DataFrame:
        """The files that a run would read, as `listing.listing` gives them: the same as long as nothing changed.

        Args:
            before: what it gave when the last run began.
        """
        ...

    def files(self, progress: Progress, note: Callable[[str], None]) -> pl.DataFrame:
        """The `library_files` frame: a music folder's files; of other raw data what the home knew before.

        Args:
            note: told what was passed over, and how many files have no names.
        """
        ...

    def tracks(self, progress: Progress) -> pl.DataFrame:
        """Raw tracks. A file that could not be read is a row with its reason in the column `unreadable`."""
        ...

    def listening(self, raw_tracks: pl.DataFrame, relevance: Relevance, progress: Progress) -> ListeningFrames:
        """Ground truth and tags: Last.fm's, or all songs of one artist or genre.

        Raises:
            RawDataError: the relevance is Last.fm's and there are no such data.
        """
        ...

    def recordings(self, progress: Progress) -> pl.DataFrame:
        """The `audio_files` frame: the recordings with size and time of change."""
        ...

    @property
    def has_events(self) -> bool:
        """Whether there are features of events, beside recordings or in their place."""
        ...

    @property
    def has_events_alone(self) -> bool:
        """Whether there are no recordings, and features of events in their place."""
        ...

    def event_files(self, progress: Progress) -> pl.DataFrame:
        """The `audio_files` frame of what songs are known by that have features of events in place of a recording.

        Raises:
            RawDataError: there is nothing of the kind.
        """
        ...

    def lyric_pages(self, progress: Progress) -> pl.DataFrame:
        """The `lyric_pages` frame; a track may have a row for each provider."""
        ...

    def mismatches(self, lost: list[UnreadableFile]) -> pl.DataFrame:
        """track_id, song_id, detail of tracks that are not the song; `lost` gets a line where lines are left out."""
        ...

    def duplicates(self, lost: list[UnreadableFile]) -> pl.DataFrame:
        """clique, track_id of tracks that are one song; `lost` as in `mismatches`."""
        ...


def files_known(kept: Kept) -> pl.DataFrame:
    """The `library_files` frame as it was left, without rows where there is none."""
    known = kept.read_if_there(LIBRARY_FILES.name)
    return empty(LIBRARY_FILES) if known is None else known


def no_mismatches() -> pl.DataFrame:
    """Of raw data that know of none."""
    return pl.DataFrame(schema={"track_id": pl.String, "song_id": pl.String, "detail": pl.String})


def no_duplicates() -> pl.DataFrame:
    """Of raw data that know of none."""
    return pl.DataFrame(schema={"clique": pl.Int64, "track_id": pl.String})
