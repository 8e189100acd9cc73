"""Looks at every file of a home for damage, and says what makes a damaged one anew. Nothing is changed.

The index is not looked at here (`index_verification`).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.feature_store import FeatureReader
from simsong_pipeline.config import VARIANTS, PipelineConfig, Variant
from simsong_pipeline.errors import ModelError, RawDataError, SchemaError, SimSongError
from simsong_pipeline.files import is_as_written
from simsong_pipeline.home.bag_files import read_bag_model
from simsong_pipeline.home.bucketed_frame import MANIFEST
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace, frame_way_out
from simsong_pipeline.schemas import CONTRACTS, check

# The greatest distance from 1 of a vector's length.
UNIT = 1e-3


@dataclass(frozen=True)
class Damage:
    """A file, or a collection of the index, and a sentence that says what is wrong with it and what to do."""

    file: str
    text: str


@dataclass
class Findings:
    """What was looked at, what is damaged, and what could not be judged."""

    looked_at: int = 0
    damaged: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def look(self, file: Path | str, judge: Callable[[], object]) -> bool:
        """Count a file; it is damaged where `judge` raises an error that a person can act on."""
        self.looked_at += 1
        try:
            judge()
        except SimSongError as error:
            self.damaged.append(Damage(str(file), str(error)))
            return False
        return True


def known_config(workspace: Workspace, found: Findings) -> PipelineConfig:
    """The configuration of the last run; the defaults where that is damaged, and `found` says so."""
    path = workspace.home / "config.json"
    return workspace.load_config() if found.look(path, workspace.load_config) else PipelineConfig()


def verify_files(
    workspace: Workspace, config: PipelineConfig, found: Findings, progress: Callable[[int, int], None]
) -> None:
    """Add to `found` what is wrong with the files of the home but the index; call under the home's lock.

    Args:
        progress: called with the buckets of features that were read, and how many there are.
    """
    found.look(workspace.home / "source.json", workspace.load_source)
    found.look(workspace.fence.path, workspace.fence.present)
    found.look(workspace.bucket_number.path, workspace.bucket_number.present)
    if workspace.bucket_number.beside() is not None:
        found.notes.append("a split into twice as many buckets was interrupted: `simsong split` finishes it")
    for name in _frame_names(workspace):
        found.look(workspace.frame_path(name), partial(_check_frame, workspace, name))
    _check_features(workspace, config, found, progress)
    for path in sorted(workspace.bag_models.glob("*.safetensors")):
        found.look(path, partial(read_bag_model, path))
    for variant in VARIANTS:
        files = ModelFiles(workspace.model(variant))
        _check_model(files, found)
        previous = files.previous
        _check_model(previous, found, f"delete {previous.folder}, which only a rollback needs")
        _check_vectors(workspace, variant, found)


def _frame_names(workspace: Workspace) -> list[str]:
    folder = workspace.home / "frames"
    bucketed = {path.parent for path in folder.glob(f"**/{MANIFEST}")}
    single = {path.with_suffix("") for path in folder.glob("**/*.parquet") if path.parent not in bucketed}
    return sorted(path.relative_to(folder).as_posix() for path in single | bucketed)


def _check_frame(workspace: Workspace, name: str) -> None:
    if workspace.frame_path(name).is_dir():
        for line in workspace.bucketed(name).damage()[:1]:
            raise RawDataError(line)
    frame, contract = workspace.read(name), CONTRACTS.get(name.rpartition("/")[2])
    if contract is not None:
        try:
            check(frame, contract)
        except SchemaError as error:
            raise SchemaError(f"{workspace.frame_path(name)} is damaged ({error}): {frame_way_out(name)}") from error


def _check_features(
    workspace: Workspace, config: PipelineConfig, found: Findings, progress: Callable[[int, int], None]
) -> None:
    """Each bucket, and each song's rows; a file that is damaged is named once."""
    store, unchecked = workspace.features(config), 0
    buckets = list(store.stored_rows())
    for done, (path, rows) in enumerate(buckets, 1):
        found.looked_at += 1
        if isinstance(rows, SchemaError):
            found.damaged.append(Damage(str(path), str(rows)))
        else:
            heard = rows.drop_nulls("file").filter(front_end=feature_format(config).version)
            unchecked += heard["checksum"].null_count()
            reader = store.reader(heard)
            for file, songs in heard.group_by("file", maintain_order=True):
                found.look(path.parent / str(file[0]), partial(_check_rows, reader, songs["track_id"].to_list()))
        progress(done, len(buckets))
    if unchecked:
        found.notes.append(f"{unchecked} songs were heard before features had checksums: theirs cannot be told")


def _check_rows(reader: FeatureReader, track_ids: list[str]) -> None:
    for track_id in track_ids:
        if not np.isfinite(reader[track_id]).all():
            raise SchemaError(f"the features of {track_id} hold what is not finite: {reader.way_out(track_id)}")


def _check_model(files: ModelFiles, found: Findings, remedy: str | None = None) -> None:
    """The records, and the files that these have hashes of.

    Args:
        remedy: in place of what each file's own error says to do.
    """
    for path in sorted(files.folder.glob("*.json")):
        found.look(path, partial(_check_record, path, remedy or files.way_out_of(path)))
    for path, judge in files.parts.items() if files.has_training() else ():
        found.look(path, partial(_check_part, path, judge, remedy))


def _check_record(path: Path, remedy: str) -> None:
    if not is_as_written(path):
        raise ModelError(f"{path} is damaged (its bytes changed): {remedy}")


def _check_part(path: Path, judge: Callable[[], object], remedy: str | None) -> None:
    try:
        judge()
    except ModelError as error:
        raise error if remedy is None else ModelError(f"{path} or its record is damaged: {remedy}") from error


def _check_vectors(workspace: Workspace, variant: Variant, found: Findings) -> None:
    """Unit length, and of the model that lies here; damage of the file was told with the frames."""
    name = f"{variant}/track_vectors"
    with suppress(SimSongError):
        vectors = workspace.read_if_there(name)
        if vectors is not None:
            found.look(workspace.frame_path(name), partial(_check_unit, workspace.frame_path(name), vectors))


def _check_unit(path: Path, vectors: pl.DataFrame) -> None:
    for column in ("audio", "lyrics"):
        known = vectors.drop_nulls(column)
        lengths = np.linalg.norm(known[column].to_numpy(), axis=1) if known.height else np.ones(0)
        wrong = np.abs(lengths - 1) > UNIT
        if wrong.any():
            first = known["track_id"][int(wrong.argmax())]
            raise SchemaError(
                f"{path} is damaged ({int(wrong.sum())} {column} vectors are not of length 1, that of {first} say): "
                f"{frame_way_out('track_vectors')}"
            )
