"""Ground truth and tags by what the raw tracks themselves state: their artists and genres."""

import polars as pl

from simsong_pipeline.catalogue import related_by
from simsong_pipeline.config import Relevance
from simsong_pipeline.credits import is_nobody
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.genres import commonest, genre_key, genres_of
from simsong_pipeline.schemas import EXCLUSIONS, SIMILARITY, TAGS, conform, empty
from simsong_pipeline.sources.source import ListeningFrames


def stated_listening(kind: str, raw_tracks: pl.DataFrame, relevance: Relevance) -> ListeningFrames:
    """Of raw data without Last.fm's: genres are tags of weight 100, each spelt as most of its songs spell it.

    Args:
        kind: what a person calls the raw data.

    Raises:
        RawDataError: the relevance is Last.fm's.
    """
    if relevance == "lastfm":
        raise RawDataError(f"a {kind} has no Last.fm similarity: choose --relevance artist or genre")
    return ListeningFrames(stated_similarity(raw_tracks, relevance), _genre_tags(raw_tracks), empty(EXCLUSIONS))


def stated_similarity(raw_tracks: pl.DataFrame, relevance: Relevance) -> pl.DataFrame:
    """Songs that share what the raw tracks state: the main artist, who is somebody, or a genre."""
    rows = raw_tracks.select("track_id", "artist_id", "artist_name", "genre").rows()
    if relevance == "genre":
        values = [[genre_key(genre) for genre in genres_of([text])] for *_, text in rows]
    else:
        values = [[artist_id] if artist_id and _is_somebody(name) else [] for _, artist_id, name, _ in rows]
    stated = raw_tracks.select("track_id", pl.Series("shared", values, pl.List(pl.String)))
    return conform(related_by(stated, "shared"), SIMILARITY)


def _is_somebody(name: str | None) -> bool:
    return name is not None and not is_nobody(name)


def _genre_tags(raw_tracks: pl.DataFrame) -> pl.DataFrame:
    known = [(track_id, genres_of([text])) for track_id, text in raw_tracks.select("track_id", "genre").rows()]
    spelling = commonest([genre for _, genres in known for genre in genres])
    rows = [(track_id, spelling[genre_key(genre)], 100.0) for track_id, genres in known for genre in genres]
    frame = pl.DataFrame(rows, schema=list(TAGS.columns), orient="row")
    return conform(frame.unique(["track_id", "tag"], keep="first", maintain_order=True), TAGS)
