"""The work of some buckets alone: what several machines over one home share out among themselves.

A worker decodes and hears the recordings of its buckets, embeds their lyrics and, where there is a model, their songs,
and leaves all of it where the next run takes it over. It holds a bucket while it writes its files and nothing else of
the home, so that others may work on theirs at the same time; what is of the whole catalogue (copies, splits, frames,
the index) is left to that run.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import polars as pl

from simsong_pipeline.audio.feature_store import AudioFrames
from simsong_pipeline.buckets import Buckets
from simsong_pipeline.config import Variant
from simsong_pipeline.engines.engine import Engine
from simsong_pipeline.engines.opening import opened_engine, opened_hearing
from simsong_pipeline.home.hearing import with_events_alone
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.run import Run
from simsong_pipeline.lyrics.model_version import model_version
from simsong_pipeline.lyrics.read_pages import read_lyrics
from simsong_pipeline.runs.ahead import usable_encoders
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.stages.catalogue_stages import audio_tasks
from simsong_pipeline.stages.hearing_work import hear_all, hearing_of
from simsong_pipeline.stages.raw import recordings_of
from simsong_pipeline.stages.stored_vectors import stored_vectors
from simsong_pipeline.stages.vector_work import (
    EmbedSongs,
    EmbedTexts,
    ready_songs,
    ready_texts,
    song_jobs,
    text_jobs,
    vectors_by_key,
)


@dataclass(frozen=True)
class BucketWork:
    """What a worker did.

    Attributes:
        songs: recordings in its buckets.
        decoded: those that were new or changed.
        usable: those that can be embedded.
        lyrics: texts that are embedded, and in no frame yet.
        embedded: songs that are embedded by a model, and in no frame yet; the most of a variant's.
    """

    buckets: list[int]
    songs: int
    decoded: int
    usable: int
    lyrics: int
    embedded: int


def work_on_buckets(run: Run, buckets: Collection[int]) -> BucketWork:
    """Decode, hear and embed what is new or changed in the buckets. A music folder's are those of its last scan.

    Raises:
        RawDataError: no raw data, or a music folder that was never scanned.
        BusyError: another process works on one of the buckets, and went on working.
    """
    run = replace(run, config=with_events_alone(run.workspace, run.source, run.config, run.events))
    run.events.stage("reading raw data")
    tracks = catalogued(run.source, run.source.tracks(run.events.progress), run.config.catalogue).tracks
    own = _own(tracks, run.workspace.buckets, buckets)
    tasks = audio_tasks(own, recordings_of(run))
    run.events.stage("decoding audio")
    with opened_hearing(run.config, run.events.note) as engine:
        function = hearing_of(run.workspace, run.config)
        heard = hear_all(function, engine, tasks, sorted(buckets), run.events.progress)
    with opened_engine(run.config, run.events.note) as engine:
        run.events.stage("embedding lyrics")
        lyrics = _embed_lyrics(run, own, engine)
        embedded = [_embed_songs(run, variant, heard, engine) for variant in usable_encoders(run.workspace, run.config)]
    usable = heard.segment_features.height
    return BucketWork(sorted(buckets), len(tasks), heard.decoded, usable, lyrics, max(embedded, default=0))


def _own(tracks: pl.DataFrame, known: Buckets, buckets: Collection[int]) -> pl.DataFrame:
    mine = [known.of(track_id) in buckets for track_id in tracks["track_id"].to_list()]
    return tracks.filter(pl.Series(mine, dtype=pl.Boolean))


def _embed_lyrics(run: Run, tracks: pl.DataFrame, engine: Engine) -> int:
    """Texts of the tracks that the last run has no vectors of; how many."""
    workspace, config = run.workspace, run.config.lyrics
    pages = run.source.lyric_pages(run.events.progress).join(tracks, on="track_id", how="semi")
    found = read_lyrics(tracks, pages, workspace.read_if_there("lyrics"), workspace.read_if_there("read_pages")).lyrics
    texts = found.filter(pl.col("status") == "ok")
    if not texts.height:  # which need no model of lyrics
        return 0
    before, version = workspace.read_if_there("lyric_embeddings"), model_version(config, workspace.known_hashes.of)
    if before is not None:
        same = before.filter(pl.col("model") == version)
        texts = texts.join(same, on=["track_id", "text_sha256"], how="anti")
    jobs, ready = text_jobs(workspace, texts), ready_texts(workspace, version)
    return len(vectors_by_key(EmbedTexts(config), engine, jobs, ready, run.events.progress, keep_from=1))


def _embed_songs(run: Run, variant: Variant, heard: AudioFrames, engine: Engine) -> int:
    """Songs whose audio the last run has no vectors of by the present model; how many."""
    workspace, features = run.workspace, heard.segment_features
    run.events.stage(f"embedding songs with {variant.upper()}")
    version = ModelFiles(workspace.model(variant)).export().model_version
    stored, audio = stored_vectors(workspace, variant), workspace.read_if_there("audio")
    if stored is not None and audio is not None:
        by_model = stored.states.filter(pl.col("model_version") == version)
        same = audio.join(by_model, on="track_id", how="semi")
        features = features.join(same, on=["track_id", "audio_sha256"], how="anti")
    jobs, ready = song_jobs(workspace, features, heard.audio), ready_songs(workspace, variant, version)
    function = EmbedSongs(workspace.home, run.config, variant)
    return len(vectors_by_key(function, engine, jobs, ready, run.events.progress, keep_from=1))
