"""Fetches what the catalogue lacks. Stopping at any moment loses at most the song that was being asked for."""

import os
import random
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simsong_pipeline.config import GeniusConfig, PipelineConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.names import SongName
from simsong_pipeline.pipeline import raw
from simsong_pipeline.pipeline.catalogue_stages import make_catalogue
from simsong_pipeline.pipeline.events import Events
from simsong_pipeline.pipeline.selection_stage import selection_path
from simsong_pipeline.pipeline.workspace import SourceConfig, Workspace
from simsong_pipeline.sources.lyric_state import SETTLED, LyricState
from simsong_pipeline.sources.lyric_tree import read_lyric_tree
from simsong_pipeline.sources.web.genius import Genius, Origins
from simsong_pipeline.sources.web.polite_client import Limits, PoliteClient

TOKEN = "GENIUS_ACCESS_TOKEN"


@dataclass(frozen=True)
class Fetched:
    """All tracks with what is known of them, how many were asked for now, and how many are still to be asked for."""

    table: pl.DataFrame
    asked: int
    left: int


def fetch_lyrics(
    workspace: Workspace,
    source: SourceConfig,
    config: PipelineConfig,
    events: Events,
    limit: int | None = None,
    dry_run: bool = False,
    seed: int = 0,
) -> Fetched:
    """Ask Genius for the lyrics of each track that is not settled; of `simsong select`'s choice where there is one.

    Args:
        limit: ask for at most so many songs now.
        dry_run: only say what would be asked for.

    Raises:
        RawDataError: no token, or no tracks.
        ProviderStoppedError: Genius asks to be left alone; what was fetched is kept.
    """
    tracks = _wanted(workspace, source, config)
    ids = tracks["track_id"].to_list()
    folder = raw.raw_folder(workspace, source) / "lyrics"
    state, there = LyricState(folder), _with_lyrics(folder)
    table = state.table(ids)
    wanted = _open(table, there)
    todo = [row for row in tracks.rows() if row[0] in wanted]
    chosen = [] if dry_run else todo if limit is None else todo[:limit]
    if chosen:
        _ask(chosen, state, config.genius, events, seed)
        table = state.table(ids)
    return Fetched(table, len(chosen), len(_open(table, there)))


def _open(table: pl.DataFrame, there: set[str]) -> set[str]:
    """Tracks that are neither settled nor have lyrics from elsewhere."""
    return {track_id for track_id, status in table.select("track_id", "status").rows() if status not in SETTLED} - there


def _with_lyrics(folder: Path) -> set[str]:
    """Tracks with lyrics from anywhere, in whatever folders they lie."""
    if not folder.is_dir():
        return set()
    return set(read_lyric_tree(folder).filter(status="OK")["track_id"])


def _wanted(workspace: Workspace, source: SourceConfig, config: PipelineConfig) -> pl.DataFrame:
    """track_id, artist_name, title by track id."""
    tracks = make_catalogue(workspace, source, raw.read_tracks(workspace, source), config).tracks
    selection = selection_path(workspace)
    if selection.is_file():
        tracks = tracks.filter(pl.col("track_id").is_in(selection.read_text(encoding="utf-8").split()))
    if not tracks.height:
        raise RawDataError(f"none of the tracks is in {selection}: choose again with `simsong select`, or delete it")
    return tracks.sort("track_id").select("track_id", "artist_name", "title")


def _ask(
    chosen: list[tuple[str, str, str]], state: LyricState, config: GeniusConfig, events: Events, seed: int
) -> None:
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise RawDataError(f"{TOKEN} is not set: make a token at https://genius.com/api-clients and export it")
    if not (token.isascii() and token.isprintable()):
        raise RawDataError(f"{TOKEN} holds characters that no token has: export it again")
    origins = Origins(config.api, config.site)
    limits = Limits(**config.model_dump(exclude={"api", "site"}))
    with PoliteClient("Genius", origins.allowed, limits, random.Random(seed)) as client:
        genius = Genius(client, token, origins)
        for done, (track_id, artist, title) in enumerate(chosen, start=1):
            state.write(track_id, genius.lyrics(SongName(artist, title)))
            events.progress(done, len(chosen))
