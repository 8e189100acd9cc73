"""The file of a song, by the song's id alone; nothing that a request says is ever part of a path.

A recording is given out where its real place, links followed, is below a folder that the home's raw data lie in. One
whose links lead elsewhere is, where the scan has read that very file: of the same size and time of change.
"""

import mimetypes
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.remote.address import is_url
from simsong_pipeline.service.library import Song
from simsong_pipeline.sources.audio_tree import SUFFIXES

# What browsers and players call them; the system's own table differs from one machine to the next.
_KINDS = {
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".wav": "audio/wav",
    ".wave": "audio/wav",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".webm": "audio/webm",
    ".wma": "audio/x-ms-wma",
    ".wv": "audio/x-wavpack",
    ".ape": "audio/x-ape",
}


class NoRecordingError(RawDataError):
    """A song has no recording that can be given out."""


@dataclass(frozen=True)
class Recording:
    """A regular file, its real place, and its state when it was looked at."""

    path: Path
    stat: os.stat_result
    media_type: str


class Recordings:
    """The recordings of a home.

    Args:
        roots: folders below which files are given out, whatever became of them since the scan.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = [root.resolve() for root in roots]

    def of(self, song: Song) -> Recording:
        """The recording of a song.

        Raises:
            NoRecordingError: it has none here, it is gone, or it leads to a file that the scan did not read.
        """
        if song.path is None:
            raise NoRecordingError(f"{song.id} has no recording")
        if is_url(song.path):
            raise NoRecordingError(f"the recording of {song.id} lies at an address, and is not fetched for listening")
        try:
            real = Path(song.path).resolve(strict=True)
            found = real.stat()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links is one of these, by Python's version
            raise NoRecordingError(f"the recording of {song.id} is gone: `simsong refresh` looks again") from error
        self._refuse_other(song, real, found)
        return Recording(real, found, media_type(real.suffix))

    def _refuse_other(self, song: Song, real: Path, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode) or real.suffix.lower() not in SUFFIXES:
            raise NoRecordingError(f"the recording of {song.id} is no music file")
        as_scanned = (found.st_size, found.st_mtime_ns) == (song.size_bytes, song.modified_ns)
        if not as_scanned and not any(real.is_relative_to(root) for root in self._roots):
            raise NoRecordingError(
                f"the recording of {song.id} leads out of the music folder, to another file than was scanned: "
                "`simsong refresh` looks again"
            )


def media_type(suffix: str) -> str:
    """What a file of a suffix is called in an answer's header."""
    known = _KINDS.get(suffix.lower())
    return known or mimetypes.types_map.get(suffix.lower()) or "application/octet-stream"


def roots_of(workspace: Workspace) -> list[Path]:
    """The folders that the raw data of the last run lie in; those that a manifest's paths lead to are none of them."""
    source = workspace.load_source()
    named = [path for path in (source.library, source.raw) if path is not None]
    beside = [] if source.manifest is None else [source.manifest.parent]
    return [*named, *beside, workspace.raw]
