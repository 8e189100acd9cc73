"""Fetches the recordings that the catalogue lacks from YouTube, for whoever has accepted its terms."""

import os
import random
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from simsong_pipeline.config import PipelineConfig, YoutubeConfig
from simsong_pipeline.errors import MissingExtraError, RawDataError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.fetching import Fetched, Portion, Wanted, fetch, wanted_tracks
from simsong_pipeline.providers.matching import WantedSong
from simsong_pipeline.providers.provider_state import ProviderState
from simsong_pipeline.providers.web.polite_client import Limits, PoliteClient
from simsong_pipeline.sources.audio_tree import find_audio_files
from simsong_pipeline.sources.raw_folder import RawFolder

TERMS = "SIMSONG_YOUTUBE_TERMS"
COLUMNS = ("matched", "channel", "video_id", "likeness", "runner_up", "duration_s", "reason")
# Asking again would not change these.
SETTLED = frozenset({"OK", "NOT_FOUND", "UNAVAILABLE"})
_TERMS_TEXT = (
    "YouTube's terms of service (https://www.youtube.com/t/terms) do not allow downloading without its or the owner's "
    "permission, and recordings belong to their owners: read docs/data.md, and if you may fetch these recordings, say "
    f"so with --accept-terms or {TERMS}=accepted"
)


def fetch_audio(
    workspace: Workspace,
    source: RawFolder,
    config: PipelineConfig,
    events: Events,
    portion: Portion,
    accepted: bool = False,
) -> Fetched:
    """Ask YouTube for each track that is not settled and has no recording from elsewhere.

    Args:
        accepted: the terms are accepted; SIMSONG_YOUTUBE_TERMS=accepted says the same. A dry run needs neither.

    Raises:
        RawDataError: terms not accepted, or no tracks.
        MissingExtraError: yt-dlp is not installed.
        ProviderStoppedError: YouTube asks to be left alone; what was fetched is kept.
    """
    if not (portion.dry_run or accepted or os.environ.get(TERMS) == "accepted"):
        raise RawDataError(_TERMS_TEXT)
    tracks = wanted_tracks(workspace, source, config)
    folder = source.folder / "audio"
    # A folder of its own: what a person has put beside it is never written over.
    state, there = ProviderState(folder / "youtube", "youtube", COLUMNS), _from_elsewhere(folder)

    def known(ids: list[str]) -> tuple[set[str], pl.DataFrame]:
        table = state.table(ids)
        settled = set(table.filter(pl.col("status").is_in({"OK"} if portion.again else SETTLED))["track_id"])
        lost = {t for t in table.filter(status="OK")["track_id"] if not state.path(t, ".flac").is_file()}
        return (settled - lost) | there, table

    def ask(chosen: list[Wanted], progress: Callable[[int, int], None]) -> None:
        _ask(chosen, state, workspace.home / "scratch" / "youtube", config.youtube, portion.seed, progress)

    return fetch(tracks, state, known, ask, portion, events)


def _from_elsewhere(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    files, own = find_audio_files(folder), str((folder / "youtube").absolute())
    return set(files.filter(~pl.col("path").str.starts_with(f"{own}{os.sep}"))["track_id"])


def _ask(
    chosen: list[Wanted],
    state: ProviderState,
    scratch: Path,
    config: YoutubeConfig,
    seed: int,
    progress: Callable[[int, int], None],
) -> None:
    if find_spec("yt_dlp") is None:
        raise MissingExtraError("yt-dlp is not installed", "youtube")
    # Imported here because a quarter of a second and yt-dlp itself are for those who fetch.
    from simsong_pipeline.providers.web.youtube import YouTube
    from simsong_pipeline.providers.web.youtube_song import fetch_song
    from simsong_pipeline.providers.web.ytdlp_transport import HOSTS, SITE

    limits = Limits(**config.model_dump(exclude={"site", "results", "candidates"}))
    hosts = HOSTS if config.site == SITE else frozenset({config.site})
    with PoliteClient("YouTube", hosts, limits, random.Random(seed)) as client:
        youtube = YouTube(client, scratch, config.site, config.max_bytes)
        for done, track in enumerate(chosen, start=1):
            wanted, target = WantedSong(track.name, track.duration_s), state.path(track.track_id, ".flac")
            found = fetch_song(youtube, wanted, target, config.results, config.candidates)
            state.write(track.track_id, asdict(found))
            progress(done, len(chosen))
