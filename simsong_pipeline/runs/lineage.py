"""What every run does, and a night no more: prepare what is new or changed, embed it, index it.

Nothing here imports training or evaluation, so that one new song does not wait for them.
"""

import time
from dataclasses import dataclass
from functools import partial

import polars as pl

from simsong_pipeline.audio.feature_format import hears_events
from simsong_pipeline.config import VARIANTS, Variant
from simsong_pipeline.engines.opening import ask_engine
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.runs.ahead import Ahead
from simsong_pipeline.runs.ledger import Served, served_songs
from simsong_pipeline.runs.summary import CountedFrames, RunSummary, counted
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.stages import catalogue_stages as stages
from simsong_pipeline.stages import raw
from simsong_pipeline.stages.embedding_stage import embed_variant, keep_vectors, song_hashes
from simsong_pipeline.stages.index_stage import IndexFrames, publish_variant
from simsong_pipeline.stages.publishing import refuse_unproven
from simsong_pipeline.stages.stored_vectors import StoredVectors
from simsong_pipeline.stores.address import server_url

_NEARLY_ALL = 0.9


@dataclass(frozen=True)
class PreparedFrames:
    """Everything that training, embedding and the index are made of."""

    raw_tracks: pl.DataFrame
    tracks: pl.DataFrame
    similarity: pl.DataFrame
    tags: pl.DataFrame
    audio: pl.DataFrame
    segment_features: pl.DataFrame
    descriptions: pl.DataFrame
    lyrics: pl.DataFrame
    lyric_embeddings: pl.DataFrame
    splits: pl.DataFrame
    exclusions: pl.DataFrame
    unreadable_pages: list[str]


@dataclass(frozen=True)
class Embedded:
    """A variant's vectors, and how many were computed now or taken over."""

    vectors: StoredVectors
    embedded: int
    unchanged: int


def summary_of(frames: PreparedFrames, refreshed: dict[Variant, Embedded], upserted: int, started: float) -> RunSummary:
    counts = CountedFrames(
        frames.raw_tracks, frames.audio, frames.segment_features, frames.exclusions, frames.unreadable_pages
    )
    embedded = max(r.embedded for r in refreshed.values())
    return counted(counts, embedded, upserted, round(time.monotonic() - started, 1))


def ask_servers(run: Run) -> None:
    """An index's server or a cluster that does not answer, or refuses the key, should say so before hours of work."""
    ask_engine(run.config.engine)
    if server_url(run.config.store) is not None:
        with run.workspace.store(run.config.store) as store:
            store.ping()


def prepare(run: Run, ahead: Ahead) -> PreparedFrames:
    """Read, join, decode and embed lyrics: everything before the encoder. What did not change is taken over."""
    workspace, config, events = run.workspace, run.config, run.events
    events.stage("reading raw data")
    workspace.write("library_files", raw.read_files(run))
    raw_tracks = workspace.write("msd_tracks", raw.read_tracks(run))
    listening = raw.read_listening(run, raw_tracks)
    similarity = workspace.write("lastfm_similarity", listening.similarity)
    tags = workspace.write("lastfm_tags", listening.tags)
    workspace.write("lastfm_exclusions", listening.exclusions)
    files = workspace.write("youtube_audio", raw.read_recordings(run))
    pages = workspace.write("genius_lyrics", raw.read_lyric_pages(run))
    catalogue = catalogued(run.source, raw_tracks, config.catalogue)
    tracks = workspace.write("tracks", catalogue.tracks)
    workspace.write("track_exclusions", catalogue.exclusions)
    events.note(f"{tracks.height} of {raw_tracks.height} tracks can be used")
    if files.height < _NEARLY_ALL * tracks.height and not hears_events(config) and run.source.has_events:
        events.note(f"{files.height} tracks have a recording; by the data set's features all can be: --encoder events")
    events.stage("reading features" if hears_events(config) else "decoding audio")
    audio = stages.make_audio(run, tracks, files, ahead.hear)
    workspace.write("audio", audio.audio)
    workspace.write("descriptions", audio.descriptions)
    workspace.write("segment_features", audio.segment_features)
    done = "tracks' features read" if hears_events(config) else "recordings decoded"
    events.note(f"{audio.decoded} {done}, {audio.segment_features.height} usable in all")
    events.stage("embedding lyrics")
    lyrics = stages.make_lyrics(run, tracks, pages)
    workspace.write("lyrics", lyrics)
    embeddings = stages.make_lyric_embeddings(run, lyrics)
    workspace.write("lyric_embeddings", embeddings.frame)
    events.note(f"{embeddings.embedded} lyrics embedded, {embeddings.frame.height} in all")
    exclusions = stages.make_exclusions(catalogue.exclusions, listening.exclusions, audio.audio, lyrics)
    workspace.write("exclusions", exclusions)
    splits = workspace.write("splits", stages.make_splits(run, tracks, audio.audio))
    return PreparedFrames(
        raw_tracks,
        tracks,
        similarity,
        tags,
        audio.audio,
        audio.segment_features,
        audio.descriptions,
        lyrics,
        embeddings.frame,
        splits,
        exclusions,
        stages.unreadable_pages(pages),
    )


def embed(run: Run, frames: PreparedFrames, ahead: Ahead) -> dict[Variant, Embedded]:
    """The vectors of both variants; what did not change is taken over."""
    refreshed: dict[Variant, Embedded] = {}
    hashes = song_hashes(run, frames.segment_features, frames.lyric_embeddings)
    for variant in VARIANTS:
        run.events.stage(f"embedding songs with {variant.upper()}")
        version = ModelFiles(run.workspace.model(variant)).export().model_version
        encoder = ahead.encoder(variant, version) or load_encoder(run.workspace, variant, run.config)
        vectors = partial(ahead.vectors, variant)
        result = embed_variant(run, variant, frames.segment_features, frames.lyric_embeddings, encoder, vectors, hashes)
        stored = keep_vectors(run, variant, result)
        run.events.note(f"{result.embedded} songs embedded, {result.unchanged} unchanged; {encoder.describe()}")
        refreshed[variant] = Embedded(stored, result.embedded, result.unchanged)
    run.workspace.clear_ready()
    return refreshed


@dataclass(frozen=True)
class Indexed:
    """The most songs that a variant's collection had written, and what is served now."""

    upserted: int
    served: Served


def index(run: Run, frames: PreparedFrames, refreshed: dict[Variant, Embedded]) -> Indexed:
    """Bring the index to the state of the vectors."""
    workspace = run.workspace
    inputs = IndexFrames(frames.tracks, frames.audio, frames.descriptions, frames.lyrics, frames.tags)
    upserted = 0
    run.events.stage("writing the index")
    for variant, result in refreshed.items():
        if not run.wishes.publish_anyway:
            refuse_unproven(workspace, variant, result.vectors.model_version)
    with workspace.lock(), workspace.store(run.config.store) as store:  # opened once: it reads the whole index
        for variant, result in refreshed.items():
            change = publish_variant(run, variant, result.vectors, inputs, opened=store)
            upserted = max(upserted, change.upserted)
            counts = f"{change.upserted} written, {change.deleted} deleted, {change.total} in Qdrant"
            run.events.note(f"{variant.upper()}: {counts}")
        return Indexed(upserted, served_songs(run, store))


def versions_of(refreshed: dict[Variant, Embedded]) -> dict[str, str]:
    """The model that each variant's songs are embedded by."""
    return {variant: result.vectors.model_version for variant, result in refreshed.items()}
