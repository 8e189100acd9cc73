"""From raw frames to the catalogue's: tracks, lyrics, audio with features, splits, exclusions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from simsong_pipeline.audio.feature_format import hears_events
from simsong_pipeline.audio.feature_store import AudioFrames
from simsong_pipeline.audio.preparation import AudioTask, Hearing
from simsong_pipeline.engines.opening import opened_engine, opened_hearing
from simsong_pipeline.errors import AudioError, RawDataError
from simsong_pipeline.files import sha256_of
from simsong_pipeline.home.run import Run
from simsong_pipeline.lyrics.frame import UNREADABLE
from simsong_pipeline.lyrics.keeping import keep_lyrics
from simsong_pipeline.lyrics.model_version import model_version
from simsong_pipeline.lyrics.read_pages import read_lyrics
from simsong_pipeline.refresh import IF_MEANT, is_shrunken
from simsong_pipeline.schemas import EXCLUSIONS, LYRIC_EMBEDDINGS, conform
from simsong_pipeline.splits import remember, split_by_artist
from simsong_pipeline.stages.bag_stage import make_bag_vectors
from simsong_pipeline.stages.copies_stage import without_copies
from simsong_pipeline.stages.feature_room import room_line
from simsong_pipeline.stages.hearing_work import Turn, hear_all, hearing_of
from simsong_pipeline.stages.vector_work import EmbedTexts, ready_texts, text_jobs, text_width, vectors_by_key
from simsong_pipeline.stated_split import split_as_stated

Progress = Callable[[int, int], None]
# Of fewer songs with lyrics, half may leave without anything being wrong.
_SOME = 4


def make_audio(run: Run, tracks: pl.DataFrame, files: pl.DataFrame, hear: Hearing | None = None) -> AudioFrames:
    """Decode, check and hear the recordings that are new or changed; of a music folder also find copies.

    Args:
        hear: called with each of these in the thread that heard it, where the engine shares this process's memory.

    Raises:
        RawDataError: of the recordings that the last run could use, more than half are gone or damaged.
    """
    tasks = audio_tasks(tracks, files)
    workspace, config = run.workspace, run.config
    with workspace.lock(), opened_hearing(config, run.events.note) as engine:
        previous = workspace.read_if_there("audio")
        before = 0 if previous is None else previous.filter(status="ok").height
        _refuse_silenced(run, sum(t.size_bytes > 0 for t in tasks), before, "there", "Nothing was changed")
        if before == 0 and hears_events(config):
            run.events.note(room_line(tasks, workspace.home))
        turn = Turn(workspace.fence, run.run_id, workspace.fence.claim(run.run_id))
        function = hearing_of(workspace, config, turn, hear if engine.shares_memory else None)
        audio = hear_all(function, engine, tasks, None, run.events.progress)
        run.events.count("decoded", audio.decoded)
        if run.source.may_hold_copies:
            audio = without_copies(workspace, audio, workspace.features(config), config.audio.max_seconds)
        usable = audio.segment_features.height
        _refuse_silenced(run, usable, before, "usable", "Frames, vectors and index are as they were")
        return audio


def audio_tasks(tracks: pl.DataFrame, files: pl.DataFrame) -> list[AudioTask]:
    """The recording of each track, a missing one among them."""
    rows = tracks.select("track_id", "duration_s").join(files, on="track_id", how="left")
    return [
        AudioTask(track_id, path or "(no recording)", -1 if size is None else size, modified or -1, expected)
        for track_id, expected, path, size, modified in rows.rows()
    ]


def _refuse_silenced(run: Run, count: int, before: int, state: str, kept: str) -> None:
    """Stop while the vectors and points of the recordings that are missing are still there."""
    if is_shrunken(count, before) and not run.wishes.accept_shrink:
        raise RawDataError(
            f"{count} recordings are {state}, and {before} could be used in the last run: check that the disk with "
            f"them is mounted and whole. {kept}; {IF_MEANT}"
        )


def make_splits(run: Run, tracks: pl.DataFrame, audio: pl.DataFrame) -> pl.DataFrame:
    """Artist-disjoint parts of the tracks with usable audio; artists keep their part from run to run.

    Where the data set itself says which artists are judged, by these.
    """
    usable = tracks.join(audio.filter(pl.col("status") == "ok"), on="track_id", how="semi")
    if not usable.height:
        bad = audio.filter(pl.col("status") != "ok")
        raise AudioError(
            f"none of the {tracks.height} recordings can be used; {bad['track_id'][0]}: {bad['reason'][0]}"
        )
    workspace, config = run.workspace, run.config
    stated = split_as_stated(usable, run.source.test_artists(), config.splits)
    if stated is not None:
        return stated
    by_artist = config.evaluation.relevance == "artist"
    settings = sha256_of(config.splits.model_dump(), by_artist)[:12]
    ledger = f"split_artists_{settings}"
    with workspace.lock():
        previous = _remembered(workspace.read_if_there(ledger), workspace.read_if_there("splits"))
        splits = split_by_artist(usable, config.splits, previous, by_artist)
        workspace.write(ledger, remember(previous, usable, splits))
    return splits


def _remembered(ledger: pl.DataFrame | None, last: pl.DataFrame | None) -> pl.DataFrame | None:
    """The parts of artists and tracks; a ledger of an earlier version has no tracks, and the last splits have them."""
    if ledger is None or last is None:
        return ledger
    tracks = last.select(pl.col("track_id").alias("artist_id"), "split")
    return pl.concat([ledger, tracks]).unique("artist_id", keep="first", maintain_order=True)


def make_lyrics(run: Run, tracks: pl.DataFrame, pages: pl.DataFrame) -> pl.DataFrame:
    """Cleaned lyrics, one row a track; only pages that are new or changed are cleaned.

    Raises:
        RawDataError: of the songs that had lyrics in the last run, more than half have none.
    """
    previous = run.workspace.read_if_there("lyrics")
    found = read_lyrics(tracks, pages, previous, run.workspace.read_if_there("read_pages"))
    kept = _keep_or_refuse_lyrics(run, found.lyrics, pages, previous)
    run.workspace.write("read_pages", found.read)
    return kept


@dataclass(frozen=True)
class LyricVectors:
    """The lyric_embeddings frame, and the tracks whose texts were embedded for it."""

    frame: pl.DataFrame
    new: Sequence[str]

    @property
    def embedded(self) -> int:
        """How many these are."""
        return len(self.new)


def make_lyric_embeddings(run: Run, lyrics: pl.DataFrame, splits: pl.DataFrame | None = None) -> LyricVectors:
    """Embed texts that are new or changed; the others keep their vectors of the last run.

    Args:
        splits: the parts, where bags of words are embedded, whose model is fitted on songs that are not judged.
    """
    vectors = _of_bags(run, lyrics, splits) if run.config.bags.embed else _lyric_vectors(run, lyrics)
    run.events.count("lyrics_embedded", vectors.embedded)
    return vectors


def _of_bags(run: Run, lyrics: pl.DataFrame, splits: pl.DataFrame | None) -> LyricVectors:
    return LyricVectors(*make_bag_vectors(run, lyrics, run.workspace.read("splits") if splits is None else splits))


def _lyric_vectors(run: Run, lyrics: pl.DataFrame) -> LyricVectors:
    config, workspace = run.config, run.workspace
    previous = workspace.read_if_there("lyric_embeddings")
    texts = lyrics.filter(pl.col("status") == "ok").select("track_id", "text", "text_sha256").sort("track_id")
    if previous is not None and not texts.height:
        return LyricVectors(conform(previous.clear(), LYRIC_EMBEDDINGS), [])
    version, kept = model_version(config.lyrics, workspace.known_hashes.of), pl.DataFrame()
    ready = ready_texts(workspace, version)
    if previous is not None:
        valid = previous.filter(pl.col("model") == version)
        kept = valid.join(texts, on=["track_id", "text_sha256"], how="semi")
        texts = texts.join(kept, on="track_id", how="anti")
        if not texts.height:
            ready.clear()
            return LyricVectors(conform(kept.select(previous.columns).sort("track_id"), LYRIC_EMBEDDINGS), [])
    with opened_engine(config, run.events.note) as engine:
        jobs = text_jobs(workspace, texts)
        by_text = vectors_by_key(EmbedTexts(config.lyrics), engine, jobs, ready, run.events.progress)
    found = [by_text[key] for key in texts["text_sha256"].to_list()]
    vectors = np.stack(found) if found else np.zeros((0, text_width(config.lyrics)), np.float32)
    new = texts.select("track_id", "text_sha256").with_columns(
        pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])),
        pl.lit(version).alias("model"),
    )
    frame = pl.concat([kept.select(new.columns), new]) if kept.height else new
    return LyricVectors(conform(frame.sort("track_id"), LYRIC_EMBEDDINGS), new["track_id"].to_list())


def _keep_or_refuse_lyrics(
    run: Run, lyrics: pl.DataFrame, pages: pl.DataFrame, previous: pl.DataFrame | None
) -> pl.DataFrame:
    """The lyrics frame with those of the last run, `previous`, where a page is damaged.

    Raises:
        RawDataError: of the songs that had lyrics in the last run, more than half have none.
    """
    kept = keep_lyrics(lyrics, pages, previous)
    if previous is None:
        return kept
    before = previous.filter(pl.col("status") == "ok").join(kept, on="track_id", how="semi").height
    now = kept.filter(pl.col("status") == "ok").height
    if before >= _SOME and is_shrunken(now, before) and not run.wishes.accept_shrink:
        raise RawDataError(
            f"{now} songs have lyrics now, and {before} of them had some in the last run: check that the lyrics are "
            f"complete. Lyrics, vectors and index are as they were; {IF_MEANT}"
        )
    return kept


def unreadable_pages(pages: pl.DataFrame) -> list[str]:
    """A line for each lyrics page that is no record."""
    bad = pages.filter(pl.col("status") == UNREADABLE)
    return [f"the lyrics page of {track_id} is not a lyrics record" for track_id in bad["track_id"]]


def make_exclusions(
    catalogue_part: pl.DataFrame, lastfm_part: pl.DataFrame, audio: pl.DataFrame, lyrics: pl.DataFrame
) -> pl.DataFrame:
    """Every track, recording or lyric that was left out, with its reason."""
    bad_audio = audio.filter(pl.col("status") != "ok")
    bad_lyrics = lyrics.filter(pl.col("status") == "invalid")
    parts = [
        catalogue_part,
        lastfm_part,
        bad_audio.select("track_id", pl.lit("audio").alias("stage"), pl.col("path").alias("file"), "reason"),
        bad_lyrics.select(
            "track_id",
            pl.lit("lyrics").alias("stage"),
            pl.lit(None, pl.String).alias("file"),
            (pl.col("reason") + ": lyrics left out, track kept").alias("reason"),
        ),
        lyrics.filter(pl.col("status") == "ok")
        .drop_nulls("reason")
        .select(
            "track_id",
            pl.lit("lyrics").alias("stage"),
            pl.lit(None, pl.String).alias("file"),
            (pl.col("reason") + ", track kept").alias("reason"),
        ),
    ]
    return conform(pl.concat(parts).sort("stage", "track_id"), EXCLUSIONS)


def left_out(exclusions: pl.DataFrame) -> list[str]:
    """Tracks that are not embedded; a track that only lost a field or its lyrics is kept."""
    gone = exclusions.filter(~pl.col("reason").str.ends_with("track kept"))
    return gone["track_id"].unique().sort().to_list()
