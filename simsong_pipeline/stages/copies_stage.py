"""Copies of a recording among a music folder's: found by fingerprints, remembered from run to run."""

import numpy as np
import polars as pl

from simsong_pipeline.audio.copies import copy_reason
from simsong_pipeline.audio.feature_store import AudioFrames, FeatureStore
from simsong_pipeline.audio.fingerprint import Fingerprint, same_recordings
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import LIBRARY_FILES

_PAIR = {"kept": pl.String, "copy": pl.String}
_HEARD = ("track_id", "audio_sha256", "front_end")
_LOSSLESS = (".flac", ".wav", ".aiff", ".aif")


def without_copies(workspace: Workspace, audio: AudioFrames, store: FeatureStore, max_seconds: float) -> AudioFrames:
    """The audio frames with copies of a recording in another encoding marked as such; the better file stays.

    Lossless before lossy, then the larger file. Fingerprints, and which songs were compared, are kept from run to run,
    by the hash of the audio and the front end: a night compares what is new with what is there.

    Args:
        max_seconds: what was decoded of a recording at most.
    """
    usable = audio.audio.filter(pl.col("status") == "ok").join(
        audio.segment_features.select("track_id", "front_end"), on="track_id"
    )
    prints, fresh, remembered = _fingerprints(workspace, usable, store)
    durations = whole_lengths(usable, workspace.read(LIBRARY_FILES.name), max_seconds)
    quality = pl.any_horizontal([pl.col("path").str.to_lowercase().str.ends_with(suffix) for suffix in _LOSSLESS])
    ordered = usable.sort(quality, "size_bytes", "path", descending=[True, True, False])["track_id"].to_list()
    paths = dict(usable.select("track_id", "path").rows())
    before = workspace.read_if_there("copies")
    again = [] if before is None else [(a, b) for a, b in before.rows() if a in prints and b in prints]
    found = same_recordings(prints, durations, ordered, fresh, again)
    workspace.write("copies", pl.DataFrame([(s.kept, s.copy) for s in found], schema=_PAIR, orient="row"))
    # After the copies: what a kill leaves out here is compared again.
    workspace.write("fingerprints", remembered)
    rows = [(s.copy, copy_reason(paths[s.kept], s.bit_error)) for s in found]
    copies = pl.DataFrame(rows, schema={"track_id": pl.String, "copy_of": pl.String}, orient="row")
    marked = audio.audio.join(copies, on="track_id", how="left").with_columns(
        pl.when(pl.col("copy_of").is_not_null())
        .then(pl.lit("invalid"))
        .otherwise(pl.col("status").cast(pl.String))
        .cast(audio.audio.schema["status"])
        .alias("status"),
        pl.coalesce("copy_of", "reason").alias("reason"),
    )
    kept = audio.segment_features.join(copies, on="track_id", how="anti")
    described = audio.descriptions.join(copies, on="track_id", how="anti")
    return AudioFrames(marked.drop("copy_of"), kept, described, audio.decoded)


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


def _fingerprints(
    workspace: Workspace, usable: pl.DataFrame, store: FeatureStore
) -> tuple[dict[str, Fingerprint], set[str], pl.DataFrame]:
    """By track id, the tracks that were not heard before, and the frame to remember."""
    before = workspace.read_if_there("fingerprints")
    known = {} if before is None else {row[:2]: row[2:] for row in before.rows()}
    songs = {track_id: (audio, front_end) for track_id, audio, front_end in usable.select(*_HEARD).rows()}
    fresh = [track_id for track_id, key in songs.items() if key not in known]
    described = store.arrays(fresh).select("track_id", "codes", "spectrum").rows()
    new = {t: Fingerprint(np.frombuffer(c, np.uint32), np.frombuffer(s, np.float32)) for t, c, s in described}
    found: dict[str, Fingerprint] = {}
    rows = {}
    for track_id, key in songs.items():
        if track_id in new:
            found[track_id] = new[track_id]
            rows[key] = (new[track_id].codes.tobytes(), new[track_id].spectrum.tobytes())
        else:
            rows[key] = codes, spectrum = known[key]
            found[track_id] = Fingerprint(np.frombuffer(codes, np.uint32), np.frombuffer(spectrum, np.float32))
    schema = {"audio_sha256": pl.String, "front_end": pl.String, "codes": pl.Binary, "spectrum": pl.Binary}
    return found, {*fresh}, pl.DataFrame([(*k, *r) for k, r in rows.items()], schema=schema, orient="row")
