"""What all providers have in common: which tracks are still to be asked for, and asking for one after the other.

Stopping at any moment loses at most the song that was being asked for.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import polars as pl

from simsong_pipeline.buckets import Buckets
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.names import SongName
from simsong_pipeline.providers.provider_state import ProviderState
from simsong_pipeline.providers.selection_stage import selection_path
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.sources.raw_folder import RawFolder

# Of the work, and the same for every home, however many it keeps its files in.
SHARES = Buckets(64)


@dataclass(frozen=True)
class Wanted:
    """A track to ask for."""

    track_id: str
    name: SongName
    duration_s: float | None


@dataclass(frozen=True)
class Portion:
    """How much of the catalogue is asked for now.

    Attributes:
        limit: at most so many songs.
        dry_run: none; only say how many would be.
        again: also ask again for what was not found before; what was found is kept.
        buckets: tracks of these of the `SHARES` alone.
        seed: of the pauses' jitter.
    """

    limit: int | None = None
    dry_run: bool = False
    again: bool = False
    buckets: Collection[int] = SHARES.numbers
    seed: int = 0


@dataclass(frozen=True)
class Fetched:
    """All tracks with what is known of them, how many were asked for now, and how many are still to be asked for."""

    table: pl.DataFrame
    asked: int
    left: int


# Asks for the tracks in turn and writes what is known of each; calls back after each.
Ask = Callable[[list[Wanted], Callable[[int, int], None]], None]
# Which of the tracks are settled, and the table of what is known.
Known = Callable[[list[str]], tuple[set[str], pl.DataFrame]]


def fetch(
    tracks: list[Wanted], state: ProviderState, known: Known, ask: Ask, portion: Portion, events: Events
) -> Fetched:
    """Ask for the tracks that are not settled, from one process at a time."""
    tracks = [t for t in tracks if SHARES.of(t.track_id) in portion.buckets]
    ids = [t.track_id for t in tracks]
    settled, table = known(ids)
    # Those that were never asked for first: a song that fails each time must not keep a --limit for itself.
    tried = set(table.drop_nulls("status")["track_id"])
    todo = sorted((t for t in tracks if t.track_id not in settled), key=lambda t: t.track_id in tried)
    chosen = [] if portion.dry_run else todo[: portion.limit]
    if chosen:
        events.stage(f"asking for {len(chosen)} songs")
        state.clear_unfinished()
        ask(chosen, events.progress)
        settled, table = known(ids)
    return Fetched(table, len(chosen), len(set(ids) - settled))


def wanted_tracks(workspace: Workspace, source: RawFolder, config: PipelineConfig) -> list[Wanted]:
    """The catalogue's tracks by id; of `simsong select`'s choice where there is one.

    Raises:
        RawDataError: there are none.
    """
    tracks = catalogued(source, source.tracks(), config.catalogue).tracks
    selection = selection_path(workspace)
    if selection.is_file():
        tracks = tracks.filter(pl.col("track_id").is_in(selection.read_text(encoding="utf-8").split()))
    if not tracks.height:
        raise RawDataError(f"none of the tracks is in {selection}: choose again with `simsong select`, or delete it")
    rows = tracks.sort("track_id").select("track_id", "artist_name", "title", "duration_s").rows()
    return [Wanted(track_id, SongName(artist, title), duration) for track_id, artist, title, duration in rows]
