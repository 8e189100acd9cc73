"""Raw data in the formats of the data sets: a folder with msd/, lastfm/, audio/, lyrics/ and musixmatch/."""

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import polars as pl

from simsong_pipeline.catalogue import restrict
from simsong_pipeline.config import Relevance
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.lyrics.frame import UNREADABLE
from simsong_pipeline.schemas import EXCLUSIONS, LYRIC_PAGES, SIMILARITY, TAGS, conform, empty
from simsong_pipeline.similarity import Similarity
from simsong_pipeline.sources import lastfm_json, lastfm_sqlite, lastfm_tags, msd_sqlite, msd_text, musixmatch
from simsong_pipeline.sources.audio_tree import SUFFIXES, find_audio_files
from simsong_pipeline.sources.counting import CountedLines, Progress
from simsong_pipeline.sources.encodings import open_text
from simsong_pipeline.sources.listing import listing, tree_states
from simsong_pipeline.sources.lyric_tree import read_lyric_tree
from simsong_pipeline.sources.msd_layout import (
    DATABASES,
    SUMMARIES,
    aggregates,
    bags_of_words,
    find_beside,
    lastfm_file,
    lastfm_trees,
    msd_folder,
    track_tree,
)
from simsong_pipeline.sources.music_folders import files_below
from simsong_pipeline.sources.raw_tracks import LEFT_OUT, RawTracks, UnreadableFile, with_unreadable
from simsong_pipeline.sources.source import (
    Kept,
    ListeningFrames,
    SourceConfig,
    files_known,
    no_duplicates,
    no_mismatches,
)
from simsong_pipeline.sources.stated import stated_similarity

# Of so many files the names are taken from a table of all tracks, where there is one: opening a million takes an hour.
_MANY = 20_000
_NO_SIMILARITY = (
    "{folder} holds neither lastfm_similars.db nor json/ (or lastfm_train/ and lastfm_test/): add one, or use "
    "--relevance artist"
)


class RawFolder:
    """The source of a data set's raw formats; it decides between those that hold the same.

    Args:
        own: the home's folder of raw data, where none is named.
    """

    name = "msd"
    watched = frozenset({"msd_tracks", "youtube_audio", "genius_lyrics"})
    may_hold_copies = False

    def __init__(self, config: SourceConfig, own: Path, kept: Kept) -> None:
        self.config = config
        self._folder, self._kept = config.raw or own, kept

    @property
    def folder(self) -> Path:
        """The folder with msd/, lastfm/, audio/ and lyrics/.

        Raises:
            RawDataError: there is none.
        """
        if msd_folder(self._folder) is None:
            raise RawDataError(
                f"no raw data in {self._folder}: it should hold msd/, lastfm/, audio/ and lyrics/. Write a sample "
                "catalogue with `simsong sample`, name your own data with --raw or --manifest, or a music folder by "
                "`simsong library`"
            )
        return self._folder

    @property
    def _msd(self) -> Path:
        folder = self.folder
        return msd_folder(folder) or folder

    def listing(self, before: pl.DataFrame | None) -> pl.DataFrame:
        """All files of the folder."""
        return listing(tree_states(self.folder))

    def files(self, progress: Progress, note: Callable[[str], None]) -> pl.DataFrame:
        """What a music folder left here before."""
        return files_known(self._kept)

    def tracks(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """Raw tracks from the HDF5 tree, the summary file or `track_metadata.db`."""
        return with_unreadable(self._read_tracks(progress))

    def _read_tracks(self, progress: Progress) -> RawTracks:
        from simsong_pipeline.sources import msd_hdf5  # not before: h5py takes a while, and others have no use for it

        msd = self._msd
        tree = track_tree(msd)
        if tree is not None:
            paths = files_below(tree, frozenset({".h5"}))
            known = self._read_tables(msd, progress) if len(paths) >= _MANY else None
            return msd_hdf5.read_track_files(tree, paths, known, progress)
        known = self._read_tables(msd, progress)
        if known is not None:
            return RawTracks(known)
        many = aggregates(msd)
        if many:
            return RawTracks(pl.concat([msd_hdf5.read_summary_file(path, progress) for path in many]))
        raise RawDataError(f"{msd} holds neither data/ with .h5 files, nor msd_summary_file.h5, nor track_metadata.db")

    def _read_tables(self, msd: Path, progress: Progress) -> pl.DataFrame | None:
        """What the summary or the database says of all tracks; null where there is neither."""
        from simsong_pipeline.sources import msd_hdf5

        summary, database = find_beside(msd, *SUMMARIES), find_beside(msd, *DATABASES)
        if summary is not None:
            return msd_hdf5.read_summary_file(summary, progress)
        return None if database is None else msd_sqlite.read_track_metadata(database, progress)

    def listening(
        self, raw_tracks: pl.DataFrame, relevance: Relevance, progress: Progress = lambda *_: None
    ) -> ListeningFrames:
        """Last.fm's similarity and tags; for another relevance the similarity by what the tracks state."""
        found = _read_lastfm(self.folder, raw_tracks, relevance == "lastfm", progress)
        if relevance == "lastfm":
            return found
        return ListeningFrames(stated_similarity(raw_tracks, relevance), found.tags, found.exclusions)

    def similarity(self, tracks: pl.DataFrame, progress: Progress = lambda *_: None) -> Similarity:
        """Last.fm's lists of similar tracks among these, and nothing else of its data.

        Raises:
            RawDataError: there are none.
        """
        folder = self.folder
        similars = lastfm_file(folder, "lastfm_similars.db")
        if similars is not None:
            return lastfm_sqlite.read_similars(similars, tracks["track_id"], progress=progress)
        if lastfm_trees(folder):
            return _read_trees(folder, tracks, [], progress).similarity
        raise RawDataError(_NO_SIMILARITY.format(folder=folder / "lastfm"))

    def recordings(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """What lies in audio/."""
        return find_audio_files(self.folder / "audio", progress)

    @property
    def has_events(self) -> bool:
        """See `sources.source.Source`."""
        from simsong_pipeline.sources.msd_events import has_events  # h5py, as above

        return has_events(self._msd)

    @property
    def has_events_alone(self) -> bool:
        """See `sources.source.Source`."""
        return not files_below(self.folder / "audio", SUFFIXES) and self.has_events

    def event_files(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """The tree's files and the aggregates' rows."""
        from simsong_pipeline.sources.msd_events import find_event_files

        return find_event_files(self._msd, progress)

    def lyric_pages(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """Pages from lyrics/, filled up from musiXmatch's bags of words in musixmatch/."""
        folder = self.folder
        pages = read_lyric_tree(folder / "lyrics", progress) if (folder / "lyrics").is_dir() else empty(LYRIC_PAGES)
        bags = [_bags(path, progress) for path in bags_of_words(folder)]
        both = pl.concat([pages, *bags]).unique(["track_id", "provider"], keep="first", maintain_order=True)
        return conform(both, LYRIC_PAGES)

    def mismatches(self, lost: list[UnreadableFile]) -> pl.DataFrame:
        """`sid_mismatches.txt` where it is."""
        path = find_beside(self._msd, "sid_mismatches.txt")
        return no_mismatches() if path is None else _lenient(path, msd_text.parse_mismatches, lost)

    def duplicates(self, lost: list[UnreadableFile]) -> pl.DataFrame:
        """`msd_duplicates.txt` where it is."""
        path = find_beside(self._msd, "msd_duplicates.txt")
        return no_duplicates() if path is None else _lenient(path, msd_text.parse_duplicates, lost)


def _read_lastfm(folder: Path, raw_tracks: pl.DataFrame, needed: bool, progress: Progress) -> ListeningFrames:
    similars, tags = (lastfm_file(folder, name) for name in ("lastfm_similars.db", "lastfm_tags.db"))
    unreadable: list[UnreadableFile] = []
    is_tree_needed = bool(lastfm_trees(folder)) and not (similars and tags)
    tree = _read_trees(folder, raw_tracks, unreadable, progress) if is_tree_needed else None
    if needed and similars is None and tree is None:
        raise RawDataError(_NO_SIMILARITY.format(folder=folder / "lastfm"))
    weights = tree.tags if tree is not None else empty(TAGS)
    pairs = tree.similarity if tree is not None else None
    if similars is not None:
        pairs = lastfm_sqlite.read_similars(similars, raw_tracks["track_id"], unreadable, progress)
    if tags is not None:
        weights = lastfm_tags.read_tags(tags, raw_tracks["track_id"], unreadable, progress)
    bad = [(u.track_id, "lastfm", str(u.path), u.reason) for u in unreadable]
    exclusions = pl.DataFrame(bad, schema={n: pl.String for n in EXCLUSIONS.columns}, orient="row")
    similarity = empty(SIMILARITY) if pairs is None else pairs.to_frame()
    return ListeningFrames(similarity, restrict(weights, raw_tracks), conform(exclusions, EXCLUSIONS))


def _read_trees(
    folder: Path, tracks: pl.DataFrame, unreadable: list[UnreadableFile], progress: Progress
) -> lastfm_json.LastfmFrames:
    tree = lastfm_json.read_json_tree(*lastfm_trees(folder), keep=tracks["track_id"], progress=progress)
    unreadable += tree.unreadable
    return tree


def _lenient(
    path: Path, parse: Callable[[TextIO, list[str]], pl.DataFrame], lost: list[UnreadableFile]
) -> pl.DataFrame:
    malformed: list[str] = []
    with open_text(path) as handle:
        frame = parse(handle, malformed)
    if malformed:
        lost.append(UnreadableFile(path, f"{len(malformed)} lines, the first: {malformed[0]}: {LEFT_OUT}", path.name))
    return frame


def _bags(path: Path, progress: Progress) -> pl.DataFrame:
    malformed: dict[str, str] = {}
    with open_text(path) as handle:
        pages = musixmatch.lyric_pages(
            musixmatch.parse_bags(CountedLines(handle, path.stat().st_size, progress), malformed)
        )
    bad = [(track_id, None, "musixmatch", f"{UNREADABLE}: {reason}") for track_id, reason in malformed.items()]
    return pl.concat([pages, pl.DataFrame(bad, schema=pages.schema, orient="row")])
