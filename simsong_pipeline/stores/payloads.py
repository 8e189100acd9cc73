"""What a song's point carries besides its vectors, and the point's id."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from simsong_pipeline.audio.heard_tags import heard_tags
from simsong_pipeline.audio.outliers import outlier_reason
from simsong_pipeline.files import sha256_of
from simsong_pipeline.lyrics.cleaning import excerpt

# Fixed for ever: a point's id must be the same in every run and on every machine.
_NAMESPACE = uuid.UUID("5b0f6c0e-6f0d-5a5b-9a55-51b5a7f3c1d2")


def point_id(track_id: str) -> str:
    """uuid5 of the track id."""
    return str(uuid.uuid5(_NAMESPACE, track_id))


def build_payloads(
    tracks: pl.DataFrame,
    audio: pl.DataFrame,
    lyrics: pl.DataFrame,
    tags: pl.DataFrame,
    vectors: pl.DataFrame,
    lyrics_text: bool,
    descriptions: pl.DataFrame,
    tag_names: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Payload by track id for each track with vectors, without the time of embedding.

    Args:
        tag_names: of the probabilities in `descriptions`, in their order.

    `payload_hash` covers all other fields, so that a changed tag alone is written without embedding again.
    """
    known = {"tracks": tracks, "audio": audio, "lyrics": lyrics, "tags": tags, "descriptions": descriptions}
    rows = _rows(vectors, lyrics.select("track_id", "language", "text", "text_sha256"), known)
    return {row["track_id"]: _payload(row, lyrics_text, tag_names) for row in rows.iter_rows(named=True)}


def payload_marks(states: pl.DataFrame, lyrics: pl.DataFrame, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """track_id, mark: a number that is another one as soon as something of a song's payload or vectors is.

    Of one version of this program and of polars; another one counts otherwise.

    Args:
        states: track_id, content_hash, model_version.
        lyrics: track_id, language, text_sha256.
        frames: tracks, audio, tags and descriptions, as of `build_payloads`.
    """
    rows = _rows(states, lyrics, frames)
    return rows.select("track_id", pl.struct(pl.all()).hash(seed=0).alias("mark"))


def _rows(vectors: pl.DataFrame, lyrics: pl.DataFrame, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """What payloads are made of, a row a song."""
    tracks, audio, tags, descriptions = (frames[name] for name in ("tracks", "audio", "tags", "descriptions"))
    tag_lists = tags.filter(pl.col("weight") > 0).group_by("track_id", maintain_order=True).agg("tag")
    heard = descriptions.select("track_id", "loudness_db", "tempo_bpm", "strangeness", pl.col("tags").alias("heard"))
    return (
        vectors.select("track_id", "content_hash", "model_version")
        .join(tracks, on="track_id")
        .join(audio.select("track_id", pl.col("duration_s").alias("decoded_s"), "audio_sha256"), on="track_id")
        .join(lyrics, on="track_id", how="left")
        .join(heard, on="track_id", how="left")
        .join(tag_lists.select("track_id", pl.col("tag").alias("tags")), on="track_id", how="left")
    )


def _payload(row: dict[str, Any], lyrics_text: bool, tag_names: Sequence[str]) -> dict[str, Any]:
    text = row["text"]
    payload = {
        "track_id": row["track_id"],
        "title": row["title"],
        "artist": row["artist_name"],
        "artist_id": row["artist_id"],
        "release": row["release"],
        "year": row["year"],
        "genre": row["genre"],
        "duration_s": row["duration_s"] or row["decoded_s"],
        "language": row["language"],
        "lyrics_excerpt": excerpt(text) if text else None,
        "tags": row["tags"] or [],
        "heard_tags": heard_tags(row["heard"] or [], tag_names),
        "tempo_bpm": row["tempo_bpm"],
        "loudness_db": row["loudness_db"],
        "outlier": _outlier(row),
        "audio_sha256": row["audio_sha256"],
        "text_sha256": row["text_sha256"],
        "content_hash": row["content_hash"],
        "model_version": row["model_version"],
    }
    if lyrics_text:
        payload["lyrics"] = text
    payload["payload_hash"] = sha256_of(payload)
    return payload


def _outlier(row: dict[str, Any]) -> str | None:
    """One of `outliers.REASONS`; null of a song that was described by nobody."""
    if row["loudness_db"] is None:
        return None
    return outlier_reason(row["loudness_db"], row["tempo_bpm"], row["strangeness"])
