"""Raw data of a manifest: a CSV of recordings with whatever is known of them."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from simsong_pipeline.remote.address import is_url
from simsong_pipeline.remote.objects_read import states_of
from simsong_pipeline.schemas import AUDIO_FILES, conform
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.library.file_states import FileState
from simsong_pipeline.sources.library.scan import state_of
from simsong_pipeline.sources.listing import listing, plain_state
from simsong_pipeline.sources.manifest import Manifest, read_manifest
from simsong_pipeline.sources.manifest_lyrics import manifest_lyrics
from simsong_pipeline.sources.raw_tracks import RawTracks, with_unreadable
from simsong_pipeline.sources.source import (
    Kept,
    SourceConfig,
    files_known,
)
from simsong_pipeline.sources.stated import StatedSource


class ManifestSource(StatedSource):
    """The source of a manifest, which is read once."""

    name = "manifest"
    watched = frozenset({"msd_tracks"})
    may_hold_copies = False

    def __init__(self, config: SourceConfig, path: Path | str, kept: Kept) -> None:
        self.config = config
        self._path, self._kept = path, kept
        self._manifest: Manifest | None = None

    def _read(self, progress: Progress = lambda *_: None) -> Manifest:
        if self._manifest is None:
            self._manifest = read_manifest(self._path, progress)
        return self._manifest

    def listing(self, before: pl.DataFrame | None) -> pl.DataFrame:
        """The manifest, the recordings, and the lyrics that it names or that lie beside them.

        While the manifest is the same and everything it names is there, that is looked for where it was before.
        """
        own = plain_state(str(self._path)) if isinstance(self._path, Path) else _states([self._path])[0]
        if before is not None and own in before.rows() and before["size_bytes"].min() >= 0:  # type: ignore[operator]
            paths = [path for path in before["path"] if path != own[0]]
        else:
            paths = self._named()
        return listing([own, *_states(paths)])

    def _named(self) -> list[str]:
        manifest = self._read()
        written = manifest.lyrics["lyrics_path"].drop_nulls()
        lyrics = [manifest.places.find(path) or path for path in written]
        return [*dict.fromkeys([*manifest.audio_files["path"], *lyrics])]

    def files(self, progress: Progress, note: Callable[[str], None]) -> pl.DataFrame:
        """What a music folder left here before."""
        return files_known(self._kept)

    def tracks(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """A track a row."""
        manifest = self._read(progress)
        return with_unreadable(RawTracks(manifest.tracks, manifest.unreadable))

    def recordings(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """What the rows name."""
        return conform(self._read(progress).audio_files, AUDIO_FILES)

    def lyric_pages(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """Those of the rows, the files beside the recordings and their tags."""
        return manifest_lyrics(self._kept, self._read(), progress)


def _states(places: list[str]) -> list[FileState]:
    """Of files, with that of the lyrics beside them, and of objects."""
    there = states_of([place for place in places if is_url(place)])
    return [(place, *there[place], 0) if place in there else state_of(Path(place)) for place in places]
