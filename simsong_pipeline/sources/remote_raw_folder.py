"""Raw data in the formats of the data sets at an address: tables are mirrored, recordings are read where they lie."""

import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import disk_room, read_json_object, write_bytes
from simsong_pipeline.remote.address import copies_folder
from simsong_pipeline.remote.objects_read import State, fetch_object, listed_below, refuse_credentials
from simsong_pipeline.schemas import AUDIO_FILES, conform
from simsong_pipeline.sources.audio_tree import SUFFIXES
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.listing import listing
from simsong_pipeline.sources.music_folders import is_passed_by
from simsong_pipeline.sources.raw_folder import RawFolder
from simsong_pipeline.sources.source import Kept, SourceConfig

_AUDIO = "audio/"
_AT_ONCE = 8


class RemoteRawFolder(RawFolder):
    """The source of a data set's raw formats at an address. It is listed once.

    Everything but audio/ is kept in a local folder, of which only what changed is fetched.
    """

    def __init__(self, config: SourceConfig, url: str, kept: Kept) -> None:
        refuse_credentials(url)
        self._url = url.rstrip("/")
        self._mirror = copies_folder(url) / "raw"
        super().__init__(config, self._mirror, kept)
        self._listed: dict[str, State] | None = None
        self._is_mirrored = False

    @property
    def folder(self) -> Path:
        """The local folder, as the objects are now.

        Raises:
            RawDataError: there are none, or they cannot be fetched.
        """
        if not self._is_mirrored:
            tables = {name: state for name, state in self._objects().items() if not name.startswith(_AUDIO)}
            if not any(name.startswith("msd/") for name in tables):
                raise RawDataError(f"no raw data at {self._url}: it should hold msd/, lastfm/, audio/ and lyrics/")
            _mirror(self._url, tables, self._mirror)
            self._is_mirrored = True
        return super().folder

    def listing(self, before: pl.DataFrame | None) -> pl.DataFrame:
        """All objects."""
        return listing((f"{self._url}/{name}", *state, 0) for name, state in self._objects().items())

    def recordings(self, progress: Progress = lambda *_: None) -> pl.DataFrame:
        """What lies in audio/, by its address."""
        found = [
            (Path(name).stem, f"{self._url}/{name}", *state)
            for name, state in self._objects().items()
            if name.startswith(_AUDIO) and Path(name).suffix.lower() in SUFFIXES
        ]
        if not found:
            raise RawDataError(f"no recordings at {self._url}/audio: one a track is needed, named TR….ogg or the like")
        frame = pl.DataFrame(found, schema=list(AUDIO_FILES.columns), orient="row")
        return conform(frame.unique("track_id", keep="first", maintain_order=True), AUDIO_FILES)

    @property
    def has_events_alone(self) -> bool:
        """Of recordings nothing is fetched to see."""
        heard = (name for name in self._objects() if name.startswith(_AUDIO))
        return not any(Path(name).suffix.lower() in SUFFIXES for name in heard) and self.has_events

    def _objects(self) -> dict[str, State]:
        """States by name relative to the address, in the order of names; hidden ones are passed by."""
        if self._listed is None:
            there = {url.removeprefix(f"{self._url}/"): state for url, state in listed_below(self._url).items()}
            self._listed = {n: there[n] for n in sorted(there) if not any(map(is_passed_by, n.split("/")))}
        return self._listed


def _mirror(url: str, wanted: dict[str, State], folder: Path) -> None:
    known, note = _known(folder), folder.with_name(f"{folder.name}.json")
    here = {name for name in known if (folder / name).is_file()}
    for name in here - wanted.keys():
        (folder / name).unlink()
    todo = [name for name, state in wanted.items() if name not in here or known[name] != state]
    # Forgotten first: one whose fetching is cut off is fetched again.
    _remember(note, {name: known[name] for name in here & wanted.keys() if name not in todo})
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda name: _fetch(f"{url}/{name}", folder / name), todo))
    folder.mkdir(parents=True, exist_ok=True)
    _remember(note, wanted)


def _fetch(url: str, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    temporary = to.with_name(f".{to.name[:100]}.{uuid.uuid4().hex}.part")
    try:
        with disk_room(to):
            fetch_object(url, temporary)
        os.replace(temporary, to)
    finally:
        temporary.unlink(missing_ok=True)


def _known(folder: Path) -> dict[str, State]:
    try:
        content = read_json_object(folder.with_name(f"{folder.name}.json"))
        return {name: (int(size), int(changed)) for name, (size, changed) in content.items()}
    except (OSError, ValueError, TypeError):  # then everything is fetched
        return {}


def _remember(note: Path, states: dict[str, State]) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(note, json.dumps(states).encode())
