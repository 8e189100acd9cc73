"""Reads whatever raw data there are into raw frames; decides between the formats that hold the same."""

from pathlib import Path

import polars as pl

from simsong_pipeline.catalogue import related_by, restrict
from simsong_pipeline.config import Relevance, SampleConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.pipeline.workspace import SourceConfig, Workspace
from simsong_pipeline.schemas import AUDIO_FILES, LYRIC_PAGES, SIMILARITY, TAGS, conform, empty
from simsong_pipeline.sources import lastfm_json, lastfm_sqlite, msd_hdf5, msd_sqlite, msd_text, musixmatch
from simsong_pipeline.sources.audio_tree import find_audio_files
from simsong_pipeline.sources.lyric_tree import read_lyric_tree
from simsong_pipeline.sources.manifest import read_manifest
from simsong_pipeline.sources.raw_tracks import RawTracks
from simsong_pipeline.sources.sample.generate import Progress, write_sample


def ensure_raw(workspace: Workspace, source: SourceConfig, sample: SampleConfig, progress: Progress) -> bool:
    """Write the sample catalogue where neither the source nor the home has raw data; true when it was written."""
    if source.raw is not None or source.manifest is not None or workspace.raw.is_dir():
        return False
    write_sample(workspace.raw, sample, progress)
    return True


def raw_folder(workspace: Workspace, source: SourceConfig) -> Path:
    """The folder with msd/, lastfm/, audio/ and lyrics/.

    Raises:
        RawDataError: there is none.
    """
    folder = source.raw or workspace.raw
    if not (folder / "msd").is_dir():
        raise RawDataError(
            f"no raw data in {folder}: it should hold msd/, lastfm/, audio/ and lyrics/. Write a sample catalogue "
            "with `simsong sample`, or name your own data with --raw or --manifest"
        )
    return folder


def read_tracks(workspace: Workspace, source: SourceConfig) -> pl.DataFrame:
    """Raw tracks from the manifest, the HDF5 tree, the summary file or `track_metadata.db`: the first there is.

    A file that could not be read is a row with its reason in the column `unreadable`.
    """
    if source.manifest is not None:
        return _with_unreadable(RawTracks(read_manifest(source.manifest).tracks))
    msd = raw_folder(workspace, source) / "msd"
    if (msd / "data").is_dir():
        return _with_unreadable(msd_hdf5.read_track_tree(msd / "data"))
    summary = _find(msd, "msd_summary_file.h5")
    if summary is not None:
        return _with_unreadable(RawTracks(msd_hdf5.read_summary_file(summary)))
    database = _find(msd, "track_metadata.db")
    if database is not None:
        return _with_unreadable(RawTracks(msd_sqlite.read_track_metadata(database)))
    raise RawDataError(f"{msd} holds neither data/ with .h5 files, nor msd_summary_file.h5, nor track_metadata.db")


def _with_unreadable(raw: RawTracks) -> pl.DataFrame:
    rows = [(u.path.stem, str(u.path), u.reason) for u in raw.unreadable]
    schema = {"track_id": pl.String, "file": pl.String, "unreadable": pl.String}
    return pl.concat([raw.frame, pl.DataFrame(rows, schema=schema, orient="row")], how="diagonal")


def read_mismatches(workspace: Workspace, source: SourceConfig) -> pl.DataFrame:
    """`sid_mismatches.txt` where it is: track_id, song_id, detail."""
    path = _msd_file(workspace, source, "sid_mismatches.txt")
    if path is None:
        return pl.DataFrame(schema={"track_id": pl.String, "song_id": pl.String, "detail": pl.String})
    with path.open(encoding="utf-8") as handle:
        return msd_text.parse_mismatches(handle)


def read_duplicates(workspace: Workspace, source: SourceConfig) -> pl.DataFrame:
    """`msd_duplicates.txt` where it is: clique, track_id."""
    path = _msd_file(workspace, source, "msd_duplicates.txt")
    if path is None:
        return pl.DataFrame(schema={"clique": pl.Int64, "track_id": pl.String})
    with path.open(encoding="utf-8") as handle:
        return msd_text.parse_duplicates(handle)


def _msd_file(workspace: Workspace, source: SourceConfig, name: str) -> Path | None:
    return None if source.manifest is not None else _find(raw_folder(workspace, source) / "msd", name)


def read_similarity(
    workspace: Workspace, source: SourceConfig, raw_tracks: pl.DataFrame, relevance: Relevance
) -> pl.DataFrame:
    """Ground truth among the raw tracks: Last.fm's lists, or all songs of one artist or genre.

    Raises:
        RawDataError: the relevance is Last.fm's and there are no such data.
    """
    if relevance != "lastfm":
        column = {"artist": "artist_id", "genre": "genre"}[relevance]
        stated = raw_tracks.with_columns(pl.when(pl.col(column).str.strip_chars() != "").then(column).alias(column))
        return conform(related_by(stated, column), SIMILARITY)
    if source.manifest is not None:
        raise RawDataError("a manifest has no Last.fm similarity: choose --relevance artist or --relevance genre")
    lastfm = raw_folder(workspace, source) / "lastfm"
    database, tree = _find(lastfm, "lastfm_similars.db"), lastfm / "json"
    if database is not None:
        return lastfm_sqlite.read_similars(database, raw_tracks["track_id"])
    if tree.is_dir():
        return restrict(lastfm_json.read_json_tree(tree).similarity, raw_tracks)
    raise RawDataError(f"{lastfm} holds neither lastfm_similars.db nor json/: add one, or use --relevance artist")


def read_tags(workspace: Workspace, source: SourceConfig, raw_tracks: pl.DataFrame) -> pl.DataFrame:
    """Last.fm tags of the raw tracks, where there are any; a manifest's genre is a tag of weight 100."""
    if source.manifest is not None:
        genres = raw_tracks.filter(pl.col("genre").is_not_null())
        return conform(genres.select("track_id", pl.col("genre").alias("tag"), pl.lit(100.0).alias("weight")), TAGS)
    lastfm = raw_folder(workspace, source) / "lastfm"
    database, tree = _find(lastfm, "lastfm_tags.db"), lastfm / "json"
    if database is not None:
        return restrict(lastfm_sqlite.read_tags(database), raw_tracks)
    return restrict(lastfm_json.read_json_tree(tree).tags, raw_tracks) if tree.is_dir() else empty(TAGS)


def find_audio(workspace: Workspace, source: SourceConfig) -> pl.DataFrame:
    """The recordings: what the manifest names, or what lies in audio/."""
    if source.manifest is not None:
        return conform(read_manifest(source.manifest).audio_files, AUDIO_FILES)
    return find_audio_files(raw_folder(workspace, source) / "audio")


def read_lyric_pages(workspace: Workspace, source: SourceConfig) -> pl.DataFrame:
    """Lyrics pages from lyrics/, filled up from musiXmatch's bags of words in musixmatch/.

    A track may have a row for each provider; the fetched page comes first.
    """
    if source.manifest is not None:
        return empty(LYRIC_PAGES)
    folder = raw_folder(workspace, source)
    pages = read_lyric_tree(folder / "lyrics") if (folder / "lyrics").is_dir() else empty(LYRIC_PAGES)
    usable = pages.filter(pl.col("status").is_in(["FOUND", "INSTRUMENTAL"]))
    bags = [_bags(path) for path in sorted((folder / "musixmatch").glob("mxm_dataset_*.txt"))]
    filling = pl.concat([empty(LYRIC_PAGES), *bags]).unique("track_id", keep="first", maintain_order=True)
    filling = filling.join(usable, on="track_id", how="anti")
    return conform(pl.concat([pages.join(filling, on="track_id", how="anti"), filling]), LYRIC_PAGES)


def _bags(path: Path) -> pl.DataFrame:
    with path.open(encoding="utf-8") as handle:
        return musixmatch.lyric_pages(musixmatch.parse_bags(handle))


def _find(folder: Path, name: str) -> Path | None:
    """`name` in the folder or in the AdditionalFiles below it, where the data set puts it."""
    return next((p for p in (folder / name, folder / "AdditionalFiles" / name) if p.is_file()), None)
