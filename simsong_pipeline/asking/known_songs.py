"""What questions ask of a home's frames: read once, and made into what is looked up when it is first needed.

The vectors are no part of it; they are the index's.
"""

from collections.abc import Sequence
from functools import cached_property

import polars as pl

from simsong_pipeline.artist_ids import named_in, songs_naming
from simsong_pipeline.asking.id_rows import IdRows
from simsong_pipeline.asking.never_list import Never
from simsong_pipeline.audio.copies import COPY
from simsong_pipeline.credits import credit_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Restriction


class KnownSongs:
    """The catalogue's songs, a recording's copies left out.

    Attributes:
        tracks: the tracks frame.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        copies = workspace.read("audio").filter(pl.col("reason").str.starts_with(COPY))
        self.tracks = workspace.read("tracks").join(copies, on="track_id", how="anti")
        self._last_but: tuple[Never, Restriction] | None = None

    @cached_property
    def row_of(self) -> IdRows:
        """Row of the tracks frame by track id."""
        return IdRows(self.tracks["track_id"])

    def name(self, track_id: str) -> str:
        """Artist and title of a song; raises KeyError where there is none with the id."""
        row = self.row_of[track_id]
        return f"{self._artists[row]} - {self._titles[row]}"

    @cached_property
    def _artists(self) -> pl.Series:
        return self.tracks["artist_name"]

    @cached_property
    def _titles(self) -> pl.Series:
        return self.tracks["title"]

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Why each song is not in the index whose recording cannot be used, by track id."""
        rows = self._workspace.read("exclusions").filter(stage="audio").select("track_id", "reason").rows()
        return dict(rows)

    @cached_property
    def named(self) -> pl.DataFrame:
        """track_id, artist_id: a row for each artist whom a song names."""
        return named_in(self.tracks)

    def songs_naming(self, artist_ids: Sequence[str], but_not_by: Sequence[str]) -> list[str]:
        """Track ids of the songs that name one of these artists and are by none of the others."""
        by = self.tracks.filter(pl.col("track_id").is_in(songs_naming(self.named, artist_ids)))
        return by.filter(~pl.col("artist_id").is_in(list(but_not_by)))["track_id"].to_list()

    def not_by(self, artist_ids: Sequence[str]) -> Restriction:
        """Without songs of these artists, and without those in which they are guests, which the index knows by id.

        An id that is no name, as the Million Song Dataset has them, stands for the name that its songs are by as well.
        """
        if not artist_ids:
            return Restriction()
        own = self.tracks.filter(pl.col("artist_id").is_in(list(artist_ids)))
        ids = [*artist_ids, *(main for name in own["artist_name"].unique() if (main := credit_of(name).main))]
        return Restriction().without("artist_id", ids).without("track_id", self.songs_naming(ids, ids))

    def but(self, never: Never) -> Restriction:
        """Without what is never suggested; that of the list that was asked for last is kept."""
        known = self._last_but
        if known is not None and known[0] == never:
            return known[1]
        artists = [*never.artists, *(main for artist in never.artists if (main := credit_of(artist).main))]
        made = self.not_by(artists).without("track_id", never.tracks)
        self._last_but = (never, made)
        return made

    @cached_property
    def tags(self) -> pl.DataFrame:
        """tag, songs: how many of the songs have each tag, the commonest first."""
        tags = self._workspace.read("lastfm_tags").filter(pl.col("weight") > 0)
        return _counted(tags.join(self.tracks, on="track_id", how="semi"), "tag")

    @cached_property
    def languages(self) -> pl.DataFrame:
        """language, songs: of the lyrics, the commonest first."""
        lyrics = self._workspace.read("lyrics").drop_nulls("language")
        return _counted(lyrics.join(self.tracks, on="track_id", how="semi"), "language")


def _counted(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """column, songs."""
    counts = rows.group_by(column).agg(pl.col("track_id").n_unique().alias("songs"))
    return counts.sort("songs", column, descending=[True, False])
