"""Similar songs, asked by words. Needs the index and two small files; no torch, no features."""

from dataclasses import dataclass

import polars as pl

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import RawDataError, UnknownSongError
from simsong_pipeline.pipeline.library_stage import COPY
from simsong_pipeline.pipeline.model_files import ModelFiles, TrainingRecord
from simsong_pipeline.pipeline.workspace import Workspace
from simsong_pipeline.recommend import Neighbour, find_song, similar_songs
from simsong_pipeline.stores.payloads import point_id
from simsong_pipeline.stores.qdrant_store import QdrantStore


@dataclass(frozen=True)
class Answer:
    """The song that was meant, and its neighbours."""

    track_id: str
    name: str
    neighbours: list[Neighbour]


def similar(
    workspace: Workspace,
    store: QdrantStore,
    words: str,
    k: int,
    config: PipelineConfig,
    audio_weight: float | None = None,
    exclude_artist: bool = False,
    hubness: float | None = None,
) -> Answer:
    """The k songs most like the one that `words` name.

    Args:
        audio_weight: share of the audio in the score, from 0 to 1; null takes the model's own, which was
            chosen on validation songs.
        hubness: how much of the candidates' hubness to take off; null takes the model's own as well.

    Raises:
        UnknownSongError, AmbiguousSongError: with candidates in the message.
    """
    copies = workspace.read("audio").filter(pl.col("reason").str.starts_with(COPY))
    tracks = workspace.read("tracks").join(copies, on="track_id", how="anti")
    track_id = find_song(tracks, words)
    artist, title = tracks.filter(track_id=track_id).select("artist_name", "title").row(0)
    left_out = workspace.read("exclusions").filter(track_id=track_id, stage="audio")
    if left_out.height:
        raise UnknownSongError(f"{artist} - {title} ({track_id}) is not in the index: {left_out['reason'][0]}")
    if config.store.collection not in store.aliases():
        raise RawDataError(f"nothing is indexed yet in Qdrant {store.address}: run `simsong run` first")
    record = _record(workspace, config)
    weight = record.audio_weight if audio_weight is None else audio_weight
    strength = record.hubness if hubness is None else hubness
    neighbours = similar_songs(store, config.store.collection, point_id(track_id), k, weight, exclude_artist, strength)
    return Answer(track_id, f"{artist} - {title}", neighbours)


def _record(workspace: Workspace, config: PipelineConfig) -> TrainingRecord:
    record = ModelFiles(workspace.model(config.serve)).training()
    if record is None:
        raise RawDataError(f"no model in {workspace.home} yet: run `simsong run` first")
    return record


def example_songs(workspace: Workspace, count: int) -> list[str]:
    """Track ids of test songs by different artists, for a demonstration; the first by id."""
    tracks, splits = workspace.read("tracks"), workspace.read("splits")
    test = splits.filter(split="test").join(tracks, on="track_id").sort("track_id")
    return test.unique("artist_id", keep="first", maintain_order=True).head(count)["track_id"].to_list()
