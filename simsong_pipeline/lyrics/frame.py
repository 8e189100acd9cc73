"""The lyrics frame: one row a track, cleaned text and language, or the reason why there is none."""

import hashlib

import polars as pl
import py3langid

from simsong_pipeline.lyrics.cleaning import HTML_REASON, clean_lyrics, is_instrumental, is_markup
from simsong_pipeline.schemas import LYRICS, conform

# Counts up when pages are cleaned or judged otherwise than before: then the next run reads all of them again.
READING = 1
# How the status of a page begins that cannot be read; ": " and the reason may follow.
UNREADABLE = "UNREADABLE"
_Row = tuple[str, str | None, str | None, str | None, str | None, str, str | None]


def build_lyrics(tracks: pl.DataFrame, pages: list[pl.DataFrame]) -> pl.DataFrame:
    """Clean the best page of each track.

    Args:
        tracks: track_id.
        pages: lyric pages by provider, the preferred one first; a later one fills in where an earlier
            one has no usable text.

    Returns:
        One row for each track; `status` is ok, instrumental, missing or invalid.
    """
    if not any(frame.height for frame in pages):
        nothing = dict(zip(LYRICS.columns, _without("", None, "missing", "no lyrics were found"), strict=True))
        missing = [pl.lit(nothing[name], pl.String).alias(name) for name in LYRICS.columns if name != "track_id"]
        return conform(tracks.select("track_id", *missing), LYRICS)
    # Of two pages of one track the one with words counts: rows that come later win, so those go last.
    ordered = [
        frame.sort(pl.col("text").is_not_null() & (pl.col("status") == "OK"), maintain_order=True) for frame in pages
    ]
    by_provider = [{row["track_id"]: row for row in frame.iter_rows(named=True)} for frame in ordered]
    rows = [_best([p[t] for p in by_provider if t in p], t) for t in tracks["track_id"].to_list()]
    return conform(pl.DataFrame(rows, schema=dict.fromkeys(LYRICS.columns, pl.String), orient="row"), LYRICS)


def _best(candidates: list[dict[str, str | None]], track_id: str) -> _Row:
    """The first usable candidate, else the first that says why not."""
    judged = [_judge(c, track_id) for c in candidates]
    usable = [row for row in judged if row[5] == "ok"]
    return (usable or judged or [_without(track_id, None, "missing", "no lyrics were found")])[0]


def _judge(page: dict[str, str | None], track_id: str) -> _Row:
    provider, status, text = page["provider"], page["status"] or "", page["text"]
    if status == "INSTRUMENTAL" or (text and is_instrumental(text)):
        return _without(track_id, provider, "instrumental", "instrumental")
    if status.startswith(UNREADABLE):
        reason = status.removeprefix(UNREADABLE).removeprefix(": ")
        return _without(track_id, provider, "invalid", reason or "the lyrics file is not a lyrics record")
    if text is None or status in ("NOT_FOUND", "BLOCKED", "TRANSIENT"):
        return _without(track_id, provider, "missing", f"provider said {status or 'nothing'}")
    if is_markup(text):
        return _without(track_id, provider, "invalid", HTML_REASON)
    cleaned = clean_lyrics(text)
    if len(cleaned.split()) < 3:
        return _without(track_id, provider, "invalid", "fewer than three words are left after cleaning")
    digest = hashlib.sha256(cleaned.encode()).hexdigest()
    return (track_id, language_of(cleaned), cleaned, digest, provider, "ok", None)


def _without(track_id: str, provider: str | None, status: str, reason: str) -> _Row:
    return (track_id, None, None, None, provider, status, reason)


def language_of(text: str) -> str:
    """ISO 639-1 code of the most likely language."""
    code: str = py3langid.classify(text)[0]
    return code
