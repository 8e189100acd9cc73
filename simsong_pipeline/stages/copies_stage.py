"""Copies of a recording among a music folder's: found by fingerprints, remembered from run to run."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import polars as pl

from simsong_pipeline.audio.copies import copy_reason
from simsong_pipeline.audio.feature_store import AudioFrames, FeatureStore
from simsong_pipeline.audio.fingerprint import bit_error
from simsong_pipeline.audio.same_recordings import Pair, SameRecording, Sketches, near_pairs, same_recordings
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import LIBRARY_FILES
from simsong_pipeline.stages.compared_songs import ComparedSongs

_COPIES = {"kept": pl.String, "copy": pl.String, "bit_error": pl.Float64}
_LOSSLESS = (".flac", ".wav", ".aiff", ".aif")


def without_copies(workspace: Workspace, audio: AudioFrames, store: FeatureStore, max_seconds: float) -> AudioFrames:
    """The audio frames with copies of a recording in another encoding marked as such; the better file stays.

    Lossless before lossy, then the larger file. Which songs were compared, and what was found, is kept from run to run:
    a night compares what is new with what is there.

    Args:
        max_seconds: what was decoded of a recording at most.
    """
    usable = audio.audio.filter(pl.col("status") == "ok").join(
        audio.segment_features.select("track_id", "front_end"), on="track_id"
    )
    compared = ComparedSongs(workspace, usable, store)
    known = _known_pairs(workspace, usable)
    near = _near(workspace, compared, usable, max_seconds) if compared.fresh else []
    found = _found({*known, *near}, known, compared.fresh, usable, store)
    rows = [(s.kept, s.copy, s.bit_error) for s in found]
    workspace.write("copies", pl.DataFrame(rows, schema=_COPIES, orient="row"))
    # After the copies: what a kill leaves out here is compared again.
    compared.remember()
    return _marked(audio, found)


def _known_pairs(workspace: Workspace, usable: pl.DataFrame) -> dict[Pair, float | None]:
    """The pairs that the last run found, by their songs, with the share of differing bits; null of an old version."""
    before = workspace.read_if_there("copies")
    if before is None or not before.height:
        return {}
    errors = before["bit_error"] if "bit_error" in before.columns else pl.Series([None] * before.height)
    there = set(usable["track_id"])
    pairs = zip(before["kept"], before["copy"], errors, strict=True)
    return {_pair(kept, copy): error for kept, copy, error in pairs if kept in there and copy in there}


def _pair(song: str, other: str) -> Pair:
    return (song, other) if song < other else (other, song)


def _near(workspace: Workspace, compared: ComparedSongs, usable: pl.DataFrame, max_seconds: float) -> list[Pair]:
    durations = whole_lengths(usable, workspace.read(LIBRARY_FILES.name), max_seconds)
    songs, spectra = compared.spectra()
    lengths = np.array([durations[song] for song in songs])
    fresh = np.array([song in compared.fresh for song in songs])
    return [_pair(*pair) for pair in near_pairs(Sketches(songs, lengths, spectra), fresh)]


def _found(
    pairs: Iterable[Pair],
    known: Mapping[Pair, float | None],
    fresh: set[str],
    usable: pl.DataFrame,
    store: FeatureStore,
) -> list[SameRecording]:
    measured = {pair: e for pair, e in known.items() if e is not None and not fresh.intersection(pair)}
    songs = sorted({song for pair in pairs for song in pair})
    lossless = pl.any_horizontal([pl.col("path").str.to_lowercase().str.ends_with(suffix) for suffix in _LOSSLESS])
    better = usable.filter(pl.col("track_id").is_in(songs)).sort(
        lossless, "size_bytes", "path", descending=[True, True, False]
    )
    return same_recordings(pairs, better["track_id"].to_list(), _error_of(pairs, measured, store))


def _error_of(
    pairs: Iterable[Pair], measured: Mapping[Pair, float], store: FeatureStore
) -> Callable[[str, str], float]:
    """Of pairs that were measured before what was found then; the codes of the others are read."""
    asked = sorted({song for pair in pairs if pair not in measured for song in pair})
    described = store.arrays(asked, ["codes"]).rows()
    codes = {track_id: np.frombuffer(content, np.uint32) for track_id, content in described}

    def error_of(kept: str, copy: str) -> float:
        known = measured.get(_pair(kept, copy))
        return bit_error(codes[kept], codes[copy]) if known is None else known

    return error_of


def _marked(audio: AudioFrames, found: list[SameRecording]) -> AudioFrames:
    if not found:
        return audio
    paths = dict(
        audio.audio.filter(pl.col("track_id").is_in([s.kept for s in found])).select("track_id", "path").rows()
    )
    rows = [(s.copy, copy_reason(paths[s.kept], s.bit_error)) for s in found]
    copies = pl.DataFrame(rows, schema={"track_id": pl.String, "copy_of": pl.String}, orient="row")
    marked = audio.audio.join(copies, on="track_id", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("copy_of").is_not_null())
        .then(pl.lit("invalid"))
        .otherwise(pl.col("status").cast(pl.String))
        .cast(audio.audio.schema["status"])
        .alias("status"),
        pl.coalesce("copy_of", "reason").alias("reason"),
    )
    kept = audio.segment_features.join(copies, on="track_id", how="anti")
    described = audio.descriptions.join(copies, on="track_id", how="anti")
    return AudioFrames(marked.drop("copy_of"), kept, described, audio.decoded_in)


def whole_lengths(usable: pl.DataFrame, files: pl.DataFrame, max_seconds: float) -> dict[str, float]:
    """Seconds by track id: as decoded, and as the scan has them only where decoding stopped at `max_seconds`.

    A header may be wrong, and what the scan has may be of a header.
    """
    stated = files.drop_nulls("track_id").unique("track_id", keep="first", maintain_order=True)
    both = usable.select("track_id", "duration_s").join(
        stated.select("track_id", pl.col("duration_s").alias("stated")), on="track_id", how="left"
    )
    is_cut = pl.col("duration_s") > max_seconds - 0.1
    whole = pl.when(is_cut).then(pl.max_horizontal("stated", "duration_s")).otherwise("duration_s")
    return dict(both.select("track_id", whole).rows())
