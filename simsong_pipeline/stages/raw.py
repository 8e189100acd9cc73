"""Reads whatever raw data there are into raw frames; decides between the formats that hold the same."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import polars as pl

from simsong_pipeline.catalogue import related_by, restrict
from simsong_pipeline.config import Relevance, SampleConfig
from simsong_pipeline.credits import is_nobody
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.genres import commonest, genre_key, genres_of
from simsong_pipeline.home.workspace import SourceConfig, Workspace
from simsong_pipeline.lyrics.frame import UNREADABLE
from simsong_pipeline.refresh import IF_MEANT, is_shrunken
from simsong_pipeline.schemas import (
    AUDIO_FILES,
    EXCLUSIONS,
    LIBRARY_FILES,
    LYRIC_PAGES,
    SIMILARITY,
    TAGS,
    conform,
    empty,
)
from simsong_pipeline.sources import lastfm_json, lastfm_sqlite, msd_sqlite, msd_text, musixmatch
from simsong_pipeline.sources.audio_tree import find_audio_files
from simsong_pipeline.sources.counting import CountedLines, Progress
from simsong_pipeline.sources.encodings import open_text
from simsong_pipeline.sources.library.frames import library_lyrics, library_recordings, library_tracks
from simsong_pipeline.sources.library.scan import Scan, scan_library
from simsong_pipeline.sources.limits import CUT, NAME_CHARACTERS
from simsong_pipeline.sources.lyric_tree import read_lyric_tree
from simsong_pipeline.sources.manifest import read_manifest
from simsong_pipeline.sources.raw_tracks import LEFT_OUT, RawTracks, UnreadableFile
from simsong_pipeline.stages.manifest_lyrics import manifest_lyrics

_NAMES = ("artist_name", "title", "release", "genre")
# What a person calls the rows of the frames that are watched.
_ROWS = {
    LIBRARY_FILES.name: "files in the music folder",
    "msd_tracks": "tracks",
    "youtube_audio": "recordings",
    "genius_lyrics": "lyrics pages",
}


def refuse_shrunken(workspace: Workspace, source: SourceConfig, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, unless it lost more than half of its rows since the last run.

    Raises:
        RawDataError: naming what shrank, unless the source says that this is meant.
    """
    previous = workspace.read_if_there(name)
    if previous is not None and is_shrunken(frame.height, previous.height) and not source.accept_shrink:
        raise RawDataError(
            f"there are {frame.height} {_ROWS[name]} now, and there were {previous.height} in the last run: check that "
            f"the raw data are complete. Nothing was changed; {IF_MEANT}"
        )
    return frame


def ensure_raw(workspace: Workspace, source: SourceConfig, sample: SampleConfig, progress: Progress) -> bool:
    """Write the sample catalogue where neither the source nor the home has raw data; true when it was written."""
    known = workspace.read_if_there(LIBRARY_FILES.name)
    if known is not None and known.height:
        return False  # a home of a music folder: nothing is put beside it
    if workspace.frame_path("msd_tracks").is_file():
        return False  # a home of other data, which nobody names now: those who read them say so
    if source.name != "msd" or source.raw is not None or workspace.raw.is_dir():
        return False
    # Imported here because a night, which writes none, should not wait for it.
    from simsong_pipeline.sources.sample.generate import write_sample

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
            "with `simsong sample`, name your own data with --raw or --manifest, or a music folder by `simsong library`"
        )
    return folder


def read_library(
    workspace: Workspace, source: SourceConfig, progress: Progress, note: Callable[[str], None] = lambda _: None
) -> pl.DataFrame:
    """The music folder's files, of which only new and changed ones are opened; without one what was known of it.

    Args:
        note: told what was passed over, and how many files have no names.
    """
    if source.library is None:
        known = workspace.read_if_there(LIBRARY_FILES.name)
        return empty(LIBRARY_FILES) if known is None else known
    scan = scan_library_of(workspace, source, progress)
    for line in noteworthy(scan):
        note(line)
    return scan.frame


def scan_library_of(workspace: Workspace, source: SourceConfig, progress: Progress) -> Scan:
    """The scan of the music folder.

    Raises:
        RawDataError: there is no such folder, or more than half of its files are gone.
    """
    assert source.library is not None
    scan = scan_library(source.library, workspace.read_if_there(LIBRARY_FILES.name), progress)
    refuse_shrunken(workspace, source, LIBRARY_FILES.name, scan.frame)
    return scan


def noteworthy(scan: Scan) -> list[str]:
    """What a person should know of the folder: music in forms that are not read, files without names."""
    lines = []
    if scan.passed_over:
        counts = ", ".join(f"{count} {suffix}" for suffix, count in scan.passed_over.items())
        lines.append(f"passed over, in forms that are not read: {counts}")
    if scan.unnamed:
        lines.append(
            f"{scan.unnamed} of {scan.frame.height} files have no artist or no title: each counts as an artist of its "
            "own, and is called as its file"
        )
    return lines


def read_tracks(workspace: Workspace, source: SourceConfig, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """Raw tracks from the music folder, the manifest, the HDF5 tree, the summary file or `track_metadata.db`.

    A file that could not be read is a row with its reason in the column `unreadable`. A music folder's rows are those
    of the frame that `read_library` gave.
    """
    tracks = _read_tracks(workspace, source, progress).with_columns(_cut(name) for name in _NAMES)
    return refuse_shrunken(workspace, source, "msd_tracks", tracks)


def _cut(name: str) -> pl.Expr:
    """A name of the length that one may have; a longer one ends in a mark."""
    shortened = pl.col(name).str.slice(0, NAME_CHARACTERS - len(CUT)) + CUT
    return pl.when(pl.col(name).str.len_chars() > NAME_CHARACTERS).then(shortened).otherwise(pl.col(name)).alias(name)


def _read_tracks(workspace: Workspace, source: SourceConfig, progress: Progress) -> pl.DataFrame:
    if source.library is not None:
        return library_tracks(workspace.read(LIBRARY_FILES.name))
    if source.manifest is not None:
        manifest = read_manifest(source.manifest, progress)
        return _with_unreadable(RawTracks(manifest.tracks, manifest.unreadable))
    from simsong_pipeline.sources import (
        msd_hdf5,
    )  # not before: h5py takes a while, and a music folder has no use for it

    msd = raw_folder(workspace, source) / "msd"
    if (msd / "data").is_dir():
        return _with_unreadable(msd_hdf5.read_track_tree(msd / "data", progress))
    summary = _find(msd, "msd_summary_file.h5")
    if summary is not None:
        return _with_unreadable(RawTracks(msd_hdf5.read_summary_file(summary, progress)))
    database = _find(msd, "track_metadata.db")
    if database is not None:
        return _with_unreadable(RawTracks(msd_sqlite.read_track_metadata(database, progress)))
    raise RawDataError(f"{msd} holds neither data/ with .h5 files, nor msd_summary_file.h5, nor track_metadata.db")


def _with_unreadable(raw: RawTracks) -> pl.DataFrame:
    rows = [(u.track_id, str(u.path), u.reason) for u in raw.unreadable]
    schema = {"track_id": pl.String, "file": pl.String, "unreadable": pl.String}
    return pl.concat([raw.frame, pl.DataFrame(rows, schema=schema, orient="row")], how="diagonal")


def read_mismatches(workspace: Workspace, source: SourceConfig, lost: list[UnreadableFile]) -> pl.DataFrame:
    """`sid_mismatches.txt` where it is: track_id, song_id, detail; `lost` gets a line where lines are left out."""
    path = _msd_file(workspace, source, "sid_mismatches.txt")
    if path is None:
        return pl.DataFrame(schema={"track_id": pl.String, "song_id": pl.String, "detail": pl.String})
    return _lenient(path, msd_text.parse_mismatches, lost)


def read_duplicates(workspace: Workspace, source: SourceConfig, lost: list[UnreadableFile]) -> pl.DataFrame:
    """`msd_duplicates.txt` where it is: clique, track_id; `lost` as in `read_mismatches`."""
    path = _msd_file(workspace, source, "msd_duplicates.txt")
    if path is None:
        return pl.DataFrame(schema={"clique": pl.Int64, "track_id": pl.String})
    return _lenient(path, msd_text.parse_duplicates, lost)


def _lenient(
    path: Path, parse: Callable[[TextIO, list[str]], pl.DataFrame], lost: list[UnreadableFile]
) -> pl.DataFrame:
    malformed: list[str] = []
    with open_text(path) as handle:
        frame = parse(handle, malformed)
    if malformed:
        lost.append(UnreadableFile(path, f"{len(malformed)} lines, the first: {malformed[0]}: {LEFT_OUT}", path.name))
    return frame


def _msd_file(workspace: Workspace, source: SourceConfig, name: str) -> Path | None:
    return None if source.name != "msd" else _find(raw_folder(workspace, source) / "msd", name)


@dataclass(frozen=True)
class ListeningFrames:
    """Similarity and tags of the raw tracks, and the files that could not be read."""

    similarity: pl.DataFrame
    tags: pl.DataFrame
    exclusions: pl.DataFrame


def read_listening(
    workspace: Workspace,
    source: SourceConfig,
    raw_tracks: pl.DataFrame,
    relevance: Relevance,
    progress: Progress = lambda *_: None,
) -> ListeningFrames:
    """Ground truth and tags: Last.fm's, or all songs of one artist or genre.

    The genres of a manifest or a music folder are tags of weight 100, each spelt as most of its songs spell it.

    Raises:
        RawDataError: the relevance is Last.fm's and there are no such data.
    """
    if source.name != "msd":
        if relevance == "lastfm":
            raise RawDataError(f"a {source.name} has no Last.fm similarity: choose --relevance artist or genre")
        return ListeningFrames(_stated(raw_tracks, relevance), _genre_tags(raw_tracks), empty(EXCLUSIONS))
    folder = raw_folder(workspace, source) / "lastfm"
    found = _read_lastfm(folder, raw_tracks, relevance == "lastfm", progress)
    if relevance == "lastfm":
        return found
    return ListeningFrames(_stated(raw_tracks, relevance), found.tags, found.exclusions)


def _genre_tags(raw_tracks: pl.DataFrame) -> pl.DataFrame:
    known = [(track_id, genres_of([text])) for track_id, text in raw_tracks.select("track_id", "genre").rows()]
    spelling = commonest([genre for _, genres in known for genre in genres])
    rows = [(track_id, spelling[genre_key(genre)], 100.0) for track_id, genres in known for genre in genres]
    frame = pl.DataFrame(rows, schema=list(TAGS.columns), orient="row")
    return conform(frame.unique(["track_id", "tag"], keep="first", maintain_order=True), TAGS)


def _stated(raw_tracks: pl.DataFrame, relevance: Relevance) -> pl.DataFrame:
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


def _read_lastfm(folder: Path, raw_tracks: pl.DataFrame, needed: bool, progress: Progress) -> ListeningFrames:
    similars, tags = _find(folder, "lastfm_similars.db"), _find(folder, "lastfm_tags.db")
    is_tree_needed = (folder / "json").is_dir() and not (similars and tags)
    tree = lastfm_json.read_json_tree(folder / "json", progress) if is_tree_needed else None
    if needed and similars is None and tree is None:
        raise RawDataError(f"{folder} holds neither lastfm_similars.db nor json/: add one, or use --relevance artist")
    pairs, weights = (tree.similarity, tree.tags) if tree is not None else (empty(SIMILARITY), empty(TAGS))
    unreadable = list(tree.unreadable if tree is not None else ())
    if similars is not None:
        pairs = lastfm_sqlite.read_similars(similars, raw_tracks["track_id"], unreadable, progress)
    if tags is not None:
        weights = lastfm_sqlite.read_tags(tags, unreadable, progress)
    bad = [(u.track_id, "lastfm", str(u.path), u.reason) for u in unreadable]
    exclusions = pl.DataFrame(bad, schema={n: pl.String for n in EXCLUSIONS.columns}, orient="row")
    return ListeningFrames(restrict(pairs, raw_tracks), restrict(weights, raw_tracks), conform(exclusions, EXCLUSIONS))


def find_audio(workspace: Workspace, source: SourceConfig, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """The recordings: what the music folder holds, what the manifest names, or what lies in audio/."""
    if source.library is not None:
        return library_recordings(workspace.read(LIBRARY_FILES.name))
    if source.manifest is not None:
        return conform(read_manifest(source.manifest).audio_files, AUDIO_FILES)
    files = find_audio_files(raw_folder(workspace, source) / "audio", progress)
    return refuse_shrunken(workspace, source, "youtube_audio", files)


def read_lyric_pages(workspace: Workspace, source: SourceConfig, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """Lyrics pages from lyrics/, filled up from musiXmatch's bags of words in musixmatch/.

    A music folder's and a manifest's are those of the rows, the files beside the recordings and their tags. A track may
    have a row for each provider; which one is used is decided when they are cleaned.
    """
    if source.library is not None:
        return library_lyrics(workspace.read(LIBRARY_FILES.name))
    if source.manifest is not None:
        return manifest_lyrics(workspace, read_manifest(source.manifest), progress)
    folder = raw_folder(workspace, source)
    pages = read_lyric_tree(folder / "lyrics", progress) if (folder / "lyrics").is_dir() else empty(LYRIC_PAGES)
    bags = [_bags(path, progress) for path in sorted((folder / "musixmatch").glob("mxm_dataset_*.txt"))]
    both = pl.concat([pages, *bags]).unique(["track_id", "provider"], keep="first", maintain_order=True)
    return refuse_shrunken(workspace, source, "genius_lyrics", conform(both, LYRIC_PAGES))


def _bags(path: Path, progress: Progress) -> pl.DataFrame:
    malformed: dict[str, str] = {}
    with open_text(path) as handle:
        pages = musixmatch.lyric_pages(
            musixmatch.parse_bags(CountedLines(handle, path.stat().st_size, progress), malformed)
        )
    bad = [(track_id, None, "musixmatch", f"{UNREADABLE}: {reason}") for track_id, reason in malformed.items()]
    return pl.concat([pages, pl.DataFrame(bad, schema=pages.schema, orient="row")])


def _find(folder: Path, name: str) -> Path | None:
    """`name` in the folder or in the AdditionalFiles below it, where the data set puts it."""
    return next((p for p in (folder / name, folder / "AdditionalFiles" / name) if p.is_file()), None)
