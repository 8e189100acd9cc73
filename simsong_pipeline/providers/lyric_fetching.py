"""Fetches the lyrics that the catalogue lacks from Genius."""

import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import polars as pl

from simsong_pipeline.config import GeniusConfig, PipelineConfig
from simsong_pipeline.credentials import read_key
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.fetching import Fetched, Portion, Wanted, fetch, wanted_tracks
from simsong_pipeline.providers.provider_state import ProviderState
from simsong_pipeline.providers.web.genius import Genius, Origins
from simsong_pipeline.providers.web.polite_client import Limits, PoliteClient
from simsong_pipeline.sources.lyric_tree import read_lyric_tree
from simsong_pipeline.sources.raw_folder import RawFolder

TOKEN = "GENIUS_ACCESS_TOKEN"
COLUMNS = ("matched", "likeness", "runner_up", "reason")
# Asking again would not change these.
SETTLED = frozenset({"OK", "NOT_FOUND", "INSTRUMENTAL"})


def fetch_lyrics(
    workspace: Workspace, source: RawFolder, config: PipelineConfig, events: Events, portion: Portion
) -> Fetched:
    """Ask Genius for the lyrics of each track that is not settled and has none from elsewhere.

    Raises:
        RawDataError: no token, or no tracks.
        ProviderStoppedError: Genius asks to be left alone; what was fetched is kept.
    """
    tracks = wanted_tracks(workspace, source, config)
    folder = source.folder / "lyrics"
    state, there = ProviderState(folder, "genius", COLUMNS), _with_lyrics(folder)

    def known(ids: list[str]) -> tuple[set[str], pl.DataFrame]:
        table = state.table(ids)
        return set(
            table.filter(pl.col("status").is_in({"OK"} if portion.again else SETTLED))["track_id"]
        ) | there, table

    def ask(chosen: list[Wanted], progress: Callable[[int, int], None]) -> None:
        with _client(config.genius, portion.seed) as client:
            genius = Genius(client, _token(), Origins(config.genius.api, config.genius.site))
            for done, track in enumerate(chosen, start=1):
                state.write(track.track_id, asdict(genius.lyrics(track.name)))
                progress(done, len(chosen))

    return fetch(tracks, state, known, ask, portion, events)


def _with_lyrics(folder: Path) -> set[str]:
    """Tracks with lyrics from anywhere, in whatever folders they lie."""
    if not folder.is_dir():
        return set()
    return set(read_lyric_tree(folder).filter(status="OK")["track_id"])


def _token() -> str:
    token = read_key(TOKEN)
    if token is None:
        raise RawDataError(f"{TOKEN} is not set: make a token at https://genius.com/api-clients and export it")
    return token


def _client(config: GeniusConfig, seed: int) -> PoliteClient:
    limits = Limits(**config.model_dump(exclude={"api", "site"}))
    return PoliteClient("Genius", Origins(config.api, config.site).allowed, limits, random.Random(seed))
