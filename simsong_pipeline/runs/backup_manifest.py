"""What a backup says of itself: its files with their hashes, and the collections of a server that are among them.

The manifest is written last: a folder without one is no backup.
"""

from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import read_json_object, sha256_of, sha256_of_file, write_json

MANIFEST, HOME, INDEX = "backup.json", "home", "index"
FORMAT: Literal[1] = 1


class HeldFile(BaseModel):
    """A file of a backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=0)
    sha256: str


class HeldCollection(BaseModel):
    """A collection of a server, of which `index/<name>.snapshot` is the snapshot.

    Attributes:
        state: hash of all its songs' hashes: two collections of one state hold the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    songs: int = Field(ge=0)
    state: str


class Backup(BaseModel):
    """The whole of it.

    Attributes:
        made: when, in UTC.
        program: version of SimSong.
        index: where the index lay: in the home, on a server, or left out.
        aliases, collections: of a server's.
        files: by their paths below the backup's folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    made: str
    program: str
    index: Literal["home", "server", "none"]
    aliases: dict[str, str] = Field(default_factory=dict)
    collections: dict[str, HeldCollection] = Field(default_factory=dict)
    files: dict[str, HeldFile]

    @field_validator("files")
    @classmethod
    def _lie_below(cls, files: dict[str, HeldFile]) -> dict[str, HeldFile]:
        for path in files:
            parts = PurePosixPath(path).parts
            if path.startswith("/") or ".." in parts or "\0" in path or parts[:1] not in ((HOME,), (INDEX,)):
                raise ValueError(f"{path!r} does not lie in a backup")
        return files

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())


def write_manifest(folder: Path, backup: Backup) -> None:
    """The last file of a backup."""
    content = backup.model_dump(mode="json")
    write_json(folder / MANIFEST, {"backup": content, "sha256": sha256_of(content)})


def read_manifest(folder: Path) -> Backup:
    """What a folder holds by its manifest.

    Raises:
        RawDataError: it is no backup, an incomplete one, of a later version, or its manifest is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise RawDataError(f"{folder} is no whole backup: there is no {MANIFEST} in it, which is written last")
    try:
        told = read_json_object(path)
    except (OSError, ValueError) as error:
        raise RawDataError(f"{path} is damaged: take another backup") from error
    content = told.get("backup")
    if set(told) != {"backup", "sha256"} or told["sha256"] != sha256_of(content):
        raise RawDataError(f"{path} is damaged: take another backup")
    if isinstance(content, dict) and content.get("format") != FORMAT:
        raise RawDataError(f"{folder} is of a later version of SimSong (format {content.get('format')}): take that one")
    try:
        return Backup.model_validate(content)
    except ValidationError as error:
        raise RawDataError(f"{path} is not what this version of SimSong writes: take another backup") from error


def refuse_damaged(path: Path, name: str, held: HeldFile) -> None:
    """Stop where a file is not the one that a manifest lists.

    Raises:
        RawDataError: naming it.
    """
    if not path.is_file() or path.stat().st_size != held.size or sha256_of_file(path) != held.sha256:
        what = "is damaged" if path.is_file() else "is missing"
        raise RawDataError(f"{name} {what} in the backup: take another one. Nothing was changed")
