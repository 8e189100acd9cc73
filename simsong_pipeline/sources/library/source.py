"""Raw data of a person's music folder."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from simsong_pipeline.schemas import LIBRARY_FILES
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.library.frames import library_lyrics, library_recordings, library_tracks
from simsong_pipeline.sources.library.scan import Scan, Walked, scan_library, walk_library
from simsong_pipeline.sources.listing import listing
from simsong_pipeline.sources.raw_tracks import with_short_names
from simsong_pipeline.sources.source import Kept, SourceConfig
from simsong_pipeline.sources.stated import StatedSource


class LibrarySource(StatedSource):
    """The source of a music folder. Everything but `files` is of the files that it gave, else of those kept last."""

    name = "library"
    watched = frozenset({LIBRARY_FILES.name, "msd_tracks"})
    may_hold_copies = True

    def __init__(self, config: SourceConfig, folder: Path, kept: Kept) -> None:
        self.config = config
        self._folder, self._kept = folder, kept
        self._walked: Walked | None = None
        self._scanned: pl.DataFrame | None = None

    def listing(self, before: pl.DataFrame | None) -> pl.DataFrame:
        """The folder's recordings. A scan that follows does not look again."""
        self._walked = walk_library(self._folder)
        return listing(self._walked.states)

    def scan(self, progress: Progress) -> Scan:
        """Look at the folder; only what is new or changed since the frame that was kept last is opened.

        Raises:
            RawDataError: there is no such folder.
        """
        walked, self._walked = self._walked or walk_library(self._folder), None
        return scan_library(self._folder, self._kept.read_if_there(LIBRARY_FILES.name), progress, walked)

    def files(self, progress: Progress, note: Callable[[str], None]) -> pl.DataFrame:
        """The files of a new scan."""
        scan = self.scan(progress)
        for line in noteworthy(scan):
            note(line)
        self._scanned = scan.frame
        return scan.frame

    def tracks(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """Raw tracks of the kept files."""
        return with_short_names(library_tracks(self._files()))

    def recordings(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """The kept files that are usable."""
        return library_recordings(self._files())

    def lyric_pages(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """What lies beside the kept files, and what their tags say."""
        return library_lyrics(self._files())

    def _files(self) -> pl.DataFrame:
        return self._kept.read(LIBRARY_FILES.name) if self._scanned is None else self._scanned


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
