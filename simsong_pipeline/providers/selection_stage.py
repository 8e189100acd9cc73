"""Chooses the songs to fetch, before anything is fetched."""

from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.files import write_bytes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.selection import Density, Progress, dense_core, density, random_part
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.sources.raw_folder import RawFolder


@dataclass(frozen=True)
class Selection:
    """The chosen songs' density, that of as many random ones, their artists, and the file that lists them."""

    chosen: Density
    random: Density
    artists: int
    path: Path


def selection_path(workspace: Workspace) -> Path:
    """One track id a line."""
    return workspace.home / "selection.txt"


def select_songs(
    workspace: Workspace,
    source: RawFolder,
    size: int,
    seed: int,
    config: PipelineConfig,
    progress: Progress = lambda *_: None,
) -> Selection:
    """Write the densest `size` tracks of the raw data, mismatches and duplicates left out.

    Raises:
        RawDataError: no raw data, or fewer tracks with similar ones than wanted.
    """
    raw_tracks = source.tracks(progress)
    tracks = catalogued(source, raw_tracks, config.catalogue).tracks
    similarity = source.similarity(tracks, progress)
    chosen = dense_core(similarity, size, progress)
    path = selection_path(workspace)
    write_bytes(path, "".join(f"{track_id}\n" for track_id in chosen).encode())
    artists = tracks.filter(tracks["track_id"].is_in(chosen))["artist_id"].n_unique()
    return Selection(
        density(similarity, chosen), density(similarity, random_part(similarity, size, seed)), artists, path
    )
