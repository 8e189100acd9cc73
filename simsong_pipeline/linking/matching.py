"""Which of a music server's songs are which of the home's: by path, then by MusicBrainz, then by names and lengths."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from simsong_pipeline.linking.name_matching import match_musicbrainz, match_names
from simsong_pipeline.linking.path_matching import SEVERAL, match_paths
from simsong_pipeline.schemas import EXTERNAL_IDS, UNLINKED, conform

# Ids of recordings at MusicBrainz, of songs with track_id, path and modified_ns: as a column beside them.
ReadIds = Callable[[pl.DataFrame], pl.Series]
PATH, MUSICBRAINZ, NAMES = "path", "musicbrainz", "names"
SERVER, HOME = "server", "simsong"
_NOT_THERE = "no song of the server lies at its path, or is the only one that is called so"


@dataclass(frozen=True)
class Matches:
    """The frames external_ids and unlinked."""

    ids: pl.DataFrame
    unlinked: pl.DataFrame

    def count(self, how: str) -> int:
        """How many of the server's songs are known in one way."""
        return self.ids.filter(pl.col("how") == how).height

    def missing(self, side: str) -> int:
        """How many songs of one side are none of the other's."""
        return self.unlinked.filter(pl.col("side") == side).height


def match(server: pl.DataFrame, own: pl.DataFrame, places: pl.DataFrame, read_ids: ReadIds) -> Matches:
    """Each of the server's songs is one of the home's or none; several may be one, as copies of it are.

    Args:
        server: as `server_songs.SONGS`.
        own, places: as `own_songs` has them.
        read_ids: asked only for songs that no path has told, and where the server knows such ids.
    """
    lengths = own.select("track_id", "duration_s")
    by_path = match_paths(
        server.select("external_id", "path", "duration_s"), places.join(lengths, on="track_id", maintain_order="left")
    )
    found = by_path.drop_nulls("track_id").select("external_id", "track_id", "is_main", pl.lit(PATH).alias("how"))
    found = _and(found, _by_musicbrainz(_left(server, found), _unknown(own, found), read_ids), MUSICBRAINZ)
    by_names = match_names(_left(server, found), _unknown(own, found))
    found = _and(found, by_names.drop_nulls("track_id"), NAMES)
    several = by_path.filter(pl.col("problem") == SEVERAL)["external_id"]
    return Matches(_as_ids(found, server), _unlinked(server, own, found, by_names, several))


def with_reasons(found: Matches, unusable: pl.DataFrame) -> Matches:
    """Of songs whose recordings the home knows and cannot use that is the reason.

    Args:
        unusable: path, reason.
    """
    theirs = found.unlinked.filter(pl.col("side") == SERVER).select(
        pl.col("id").alias("external_id"), "path", pl.lit(None, pl.Float64).alias("duration_s")
    )
    own = unusable.select(
        "path",
        pl.col("reason").alias("track_id"),
        pl.lit(True).alias("is_main"),
        pl.lit(None, pl.Float64).alias("duration_s"),
    )
    known = match_paths(theirs, own).drop_nulls("track_id")
    reasons = known.select(
        pl.col("external_id").alias("id"), pl.lit(SERVER).alias("side"), pl.col("track_id").alias("better")
    )
    rows = found.unlinked.join(reasons, on=["side", "id"], how="left", maintain_order="left")
    better = pl.concat_str(pl.lit("SimSong cannot use its recording: "), "better")
    return Matches(found.ids, rows.with_columns(pl.coalesce(better, "reason").alias("reason")).drop("better"))


def _by_musicbrainz(server: pl.DataFrame, own: pl.DataFrame, read_ids: ReadIds) -> pl.DataFrame:
    if server["musicbrainz_id"].is_null().all():
        return pl.DataFrame(schema={"external_id": pl.String, "track_id": pl.String})
    known = own.select("track_id", read_ids(own).alias("musicbrainz_id"))
    return match_musicbrainz(server.select("external_id", "musicbrainz_id"), known)


def _and(found: pl.DataFrame, more: pl.DataFrame, how: str) -> pl.DataFrame:
    added = more.select("external_id", "track_id", pl.lit(True).alias("is_main"), pl.lit(how).alias("how"))
    return pl.concat([found, added])


def _left(server: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return server.join(found, on="external_id", how="anti", maintain_order="left")


def _unknown(own: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return own.join(found, on="track_id", how="anti", maintain_order="left")


def _as_ids(found: pl.DataFrame, server: pl.DataFrame) -> pl.DataFrame:
    """With one id of each song as the main one: of the recording itself before a copy's."""
    ordered = found.sort("is_main", "external_id", descending=[True, False])
    first = ordered.unique("track_id", keep="first", maintain_order=True)["external_id"]
    rows = ordered.with_columns(pl.col("external_id").is_in(first.implode()).alias("is_main"))
    return conform(
        rows.join(server.select("external_id", "artist_id"), on="external_id", maintain_order="left"), EXTERNAL_IDS
    )


def _unlinked(
    server: pl.DataFrame, own: pl.DataFrame, found: pl.DataFrame, by_names: pl.DataFrame, several: pl.Series
) -> pl.DataFrame:
    reason = pl.when(pl.col("external_id").is_in(several.implode())).then(pl.lit(SEVERAL)).otherwise("problem")
    theirs = _left(server, found).join(by_names.select("external_id", "problem"), on="external_id", how="left")
    theirs = theirs.select(
        pl.lit(SERVER).alias("side"),
        pl.col("external_id").alias("id"),
        "artist",
        "title",
        "album",
        "path",
        reason.alias("reason"),
    )
    ours = _unknown(own, found).select(
        pl.lit(HOME).alias("side"),
        pl.col("track_id").alias("id"),
        "artist",
        "title",
        "album",
        "path",
        pl.lit(_NOT_THERE).alias("reason"),
    )
    return conform(pl.concat([theirs, ours]).sort("side", "artist", "album", "title", "id"), UNLINKED)
