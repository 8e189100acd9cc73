"""Ground truth and tags by what the raw tracks themselves state: their artists and genres."""

from collections import Counter

import polars as pl

from simsong_pipeline.catalogue import related_by
from simsong_pipeline.config import Relevance
from simsong_pipeline.credits import is_nobody
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.genres import commonest, genre_key, genres_of
from simsong_pipeline.schemas import EXCLUSIONS, SIMILARITY, TAGS, conform, empty
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.raw_tracks import UnreadableFile
from simsong_pipeline.sources.source import ListeningFrames, no_duplicates, no_mismatches


class StatedSource:
    """What sources have in common that know of their tracks no more than artists and genres."""

    name = ""

    def listening(
        self,
        raw_tracks: pl.DataFrame,
        relevance: Relevance,
        progress: Progress = lambda *_: None,
    ) -> ListeningFrames:
        """Songs of one artist or genre; genres are tags of weight 100, each spelt as most of its songs spell it.

        Raises:
            RawDataError: the relevance is Last.fm's.
        """
        if relevance == "lastfm":
            raise RawDataError(f"a {self.name} has no Last.fm similarity: choose --relevance artist or genre")
        return ListeningFrames(stated_similarity(raw_tracks, relevance), _genre_tags(raw_tracks), empty(EXCLUSIONS))

    has_events = has_events_alone = False  # they are lists of recordings

    def event_files(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """Raises RawDataError: there are none."""
        raise RawDataError(
            f"a {self.name} has recordings, and no features of the Million Song Dataset: choose another encoder "
            "(--encoder musicnn)"
        )

    def mismatches(self, lost: list[UnreadableFile]) -> pl.DataFrame:
        """None: there is no other track that a file or row could be mistaken for."""
        return no_mismatches()

    def duplicates(self, lost: list[UnreadableFile]) -> pl.DataFrame:
        """None is stated; copies in a music folder are found by their sound."""
        return no_duplicates()


def stated_similarity(raw_tracks: pl.DataFrame, relevance: Relevance) -> pl.DataFrame:
    """Songs that share what the raw tracks state: the main artist, who is somebody, or a genre."""
    if relevance == "genre":
        shared = _keys_of_genres(raw_tracks["genre"])
    else:
        nobody = [name for name in raw_tracks["artist_name"].unique().drop_nulls() if is_nobody(name)]
        is_somebody = pl.col("artist_name").is_not_null() & ~pl.col("artist_name").is_in(nobody)
        known = is_somebody & (pl.col("artist_id") != "")
        shared = raw_tracks.select(pl.when(known).then("artist_id")).to_series()
    return conform(related_by(raw_tracks.select("track_id", shared.alias("shared")), "shared"), SIMILARITY)


def _keys_of_genres(texts: pl.Series) -> pl.Series:
    """The keys of the genres in each text."""
    each = texts.unique(maintain_order=True)
    keys = [[genre_key(genre) for genre in genres_of([text])] for text in each]
    known = each.to_frame("text").with_columns(pl.Series("keys", keys, pl.List(pl.String)))
    return texts.to_frame("text").join(known, on="text", how="left", nulls_equal=True, maintain_order="left")["keys"]


def _genre_tags(raw_tracks: pl.DataFrame) -> pl.DataFrame:
    """A row for each genre of each song; a field is parsed once, however many songs have it."""
    fields = raw_tracks.select(pl.col("genre").alias("text")).drop_nulls().group_by("text").len()
    known = [(text, count, genres_of([text])) for text, count in fields.rows()]
    counts = Counter[str]()
    for _, count, genres in known:
        counts.update(dict.fromkeys(genres, count))
    spelling = commonest(counts)
    rows = [(text, spelling[genre_key(genre)]) for text, _, genres in known for genre in genres]
    tags = pl.DataFrame(rows, schema={"text": pl.String, "tag": pl.String}, orient="row")
    songs = raw_tracks.select("track_id", pl.col("genre").alias("text"))
    frame = songs.join(tags, on="text", maintain_order="left_right").select(
        "track_id", "tag", pl.lit(100.0).alias("weight")
    )
    return conform(frame.unique(["track_id", "tag"], keep="first", maintain_order=True), TAGS)
