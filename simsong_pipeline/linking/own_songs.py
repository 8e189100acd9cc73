"""The home's songs as another program's are compared with them: their names, lengths, and where they lie."""

import polars as pl

from simsong_pipeline.audio.copies import COPY, copied_from
from simsong_pipeline.audio.event_place import playable
from simsong_pipeline.home.workspace import Workspace


def own_songs(workspace: Workspace) -> pl.DataFrame:
    """track_id, artist, title, album, duration_s, path, modified_ns: the songs whose recordings can be used."""
    heard = workspace.read("audio").filter(pl.col("status") == "ok")
    heard = heard.select("track_id", playable(), "modified_ns", pl.col("duration_s").alias("decoded_s"))
    rows = workspace.read("tracks").join(heard, on="track_id", maintain_order="left")
    stated = pl.when(pl.col("duration_s") > 0).then("duration_s")
    return rows.select(
        "track_id",
        pl.col("artist_name").alias("artist"),
        "title",
        pl.col("release").alias("album"),
        pl.coalesce("decoded_s", stated).alias("duration_s"),
        "path",
        "modified_ns",
    )


def own_places(workspace: Workspace, songs: pl.DataFrame) -> pl.DataFrame:
    """path, track_id, is_main: where songs lie, and where copies of their recordings do.

    Args:
        songs: as `own_songs` has them.
    """
    main = songs.drop_nulls("path").select("path", "track_id", pl.lit(True).alias("is_main"))
    places = pl.concat([main, _copies(workspace, main), _same_files(workspace, main)])
    return places.unique("path", keep="first", maintain_order=True)


def _copies(workspace: Workspace, main: pl.DataFrame) -> pl.DataFrame:
    """Recordings that sound as another one, which was kept."""
    left_out = workspace.read("audio").filter(pl.col("reason").str.starts_with(COPY)).drop_nulls("path")
    kept = pl.Series([copied_from(reason) for reason in left_out["reason"].to_list()], dtype=pl.String)
    of = left_out.select("path", kept.alias("kept")).join(main.rename({"path": "kept"}), on="kept")
    return of.select("path", "track_id", pl.lit(False).alias("is_main"))


def _same_files(workspace: Workspace, main: pl.DataFrame) -> pl.DataFrame:
    """Files of a music folder with the same content as another one."""
    files = workspace.read_if_there("library_files")
    if files is None:
        return main.clear()
    known = files.drop_nulls("track_id").join(main, on="track_id", how="semi")
    return known.select("path", "track_id", pl.lit(False).alias("is_main"))


def unusable_places(workspace: Workspace) -> pl.DataFrame:
    """path, reason: recordings that the home knows and cannot use."""
    audio = workspace.read("audio").select(playable(), "status", "reason")
    files = workspace.read_if_there("library_files")
    known = [audio] if files is None else [audio, files.select("path", "status", "reason")]
    bad = pl.concat(known).filter((pl.col("status") != "ok") & ~pl.col("reason").str.starts_with(COPY))
    return bad.drop_nulls(["path", "reason"]).unique("path", keep="first", maintain_order=True).drop("status")
