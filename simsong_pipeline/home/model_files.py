"""A variant's model on disk: weights, ONNX file, whitening, and a manifest that says what made them."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save

from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.config import NOT_REMEMBERED, PipelineConfig, Variant
from simsong_pipeline.errors import ModelError
from simsong_pipeline.evaluation.fusion import SongVectors
from simsong_pipeline.files import read_json_object, sha256_of, sha256_of_file, write_bytes, write_with_sum
from simsong_pipeline.lyrics.whitening import Whitening

R = TypeVar("R")


@dataclass(frozen=True)
class TrainingRecord:
    """What training did; part of the manifest.

    Attributes:
        recipe: hash of everything in the configuration that training depends on.
        data: hash of the training and validation songs, their features, lyrics and similarity.
        hubness: how much of a candidate's hubness is taken off in queries; 0 unless validation songs gain by it.
        artists, tracks: ids of the training and validation parts, so that evaluation can refuse to test on them.
        validation: the part of `tracks` that was validated on and not trained on.
        fitted: songs whose statistics the start was fitted on; 0 without one.
        tried: training was tried on these data, whatever came of it.
        is_start: what serves is the untrained start.
        note: why, and how training compared with it, in a sentence.
    """

    variant: Variant
    recipe: str
    data: str
    seed: int
    best_step: int
    validation_recall: float | None
    lyric_temperature: float | None
    audio_weight: float
    hubness: float
    fusion_recalls: dict[str, float]
    history: list[dict[str, float]]
    artists: list[str]
    tracks: list[str]
    validation: list[str]
    songs: int
    fitted: int = 0
    tried: bool = True
    is_start: bool = False
    note: str = ""


@dataclass(frozen=True)
class ExportRecord:
    """What export found: the version that vectors carry, the checksum, and the parity with torch."""

    model_version: str
    onnx_sha256: str
    min_cosine: float
    top_10_overlap: float
    holds: bool


@dataclass(frozen=True)
class QualityRecord:
    """The verdict on a model version; publishing reads it again. `outcome` is one of `evaluation.quality.Outcome`."""

    model_version: str
    passed: bool
    text: str
    outcome: str = ""


@dataclass(frozen=True)
class Refusal:
    """A candidate that was not promoted: what it was trained by and on, and why not."""

    recipe: str
    data: str
    seed: int
    text: str


@dataclass(frozen=True)
class _Published:
    """The version that was served with all songs."""

    model_version: str


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Write a record of a model with its checksum beside it."""
    data = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False).encode()
    write_with_sum(path, lambda handle: handle.write(data))


class ModelFiles:
    """Paths and records below a model's folder.

    A model that is being trained lies in a folder `.candidate` beside it, the one that it replaced in `.previous`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint = folder / "checkpoint.safetensors"
        self.encoder = folder / "encoder.safetensors"
        self.onnx = folder / "encoder.onnx"
        self._whitening = folder / "whitening.safetensors"
        self._references = folder / "references.safetensors"
        self._training = folder / "training.json"
        self._export = folder / "export.json"
        self._quality = folder / "quality.json"
        self._refusal = folder / "refused.json"
        self._chosen = folder / "chosen.json"
        self._published = folder / "published.json"

    @property
    def candidate(self) -> "ModelFiles":
        """The model that is being trained, or that was refused."""
        return ModelFiles(self.folder.with_name(f"{self.folder.name}.candidate"))

    @property
    def previous(self) -> "ModelFiles":
        """The model before this one."""
        return ModelFiles(self.folder.with_name(f"{self.folder.name}.previous"))

    def promote_candidate(self) -> None:
        """Put the candidate in this model's place and keep this one as the previous.

        A model that never served makes room for the candidate alone: the one before it stays, to go back to.
        Whole folders are renamed. A kill between the two leaves a complete candidate and the previous model, which
        `recover` puts back before the next training judges again.
        """
        shutil.rmtree(self._dropped, ignore_errors=True)
        if self.folder.is_dir():
            never_served = self.previous.is_published() and not self.is_published()
            if self.previous.folder.is_dir() and not never_served:
                os.replace(self.previous.folder, self._dropped)
            os.replace(self.folder, self._dropped if never_served else self.previous.folder)
        os.replace(self.candidate.folder, self.folder)
        shutil.rmtree(self._dropped, ignore_errors=True)

    def recover(self) -> None:
        """Undo a promotion that was killed between its two renames: the previous model is the present one again.

        An exchange with the previous model that was killed is finished by the same step and one more.
        """
        if not self.folder.is_dir() and self.previous.folder.is_dir():
            os.replace(self.previous.folder, self.folder)
        if self.is_half_exchanged() and not self.previous.folder.is_dir():
            os.replace(self._leaving, self.previous.folder)

    def exchange_with_previous(self) -> None:
        """The previous model becomes the present one and the other way round; `recover` finishes it after a kill."""
        os.replace(self.folder, self._leaving)
        os.replace(self.previous.folder, self.folder)
        os.replace(self._leaving, self.previous.folder)

    def choose(self) -> None:
        """Mark the present model as chosen by a person: a run does not train another one unless it is asked to."""
        write_record(self._chosen, {"chosen": True})

    def is_chosen(self) -> bool:
        """Whether a rollback put this model here."""
        return self._chosen.is_file()

    def is_half_exchanged(self) -> bool:
        """Whether an exchange was killed."""
        return self._leaving.is_dir()

    @property
    def _dropped(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.dropped")

    @property
    def _leaving(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.leaving")

    def refuse_candidate(self, refusal: Refusal) -> None:
        """Remember that the candidate was not good enough; it stays where it is, to be looked at."""
        write_record(self._refusal, asdict(refusal))

    def refusal(self) -> Refusal | None:
        """The last candidate that was refused, null where there is none."""
        return self._record(self._refusal, Refusal)

    def config(self) -> PipelineConfig:
        """The configuration that this model was trained by.

        Raises:
            ModelError: there is no model, or it is of another version.
        """
        content = self._read(self._training)
        if content is None:
            raise ModelError(f"no trained model in {self.folder}: run `simsong run`")
        try:
            return PipelineConfig.model_validate(content["config"])
        except (KeyError, ValueError) as error:
            raise ModelError(
                f"{self._training} is of another version: delete {self.folder} and run `simsong run`"
            ) from error

    def write_training(
        self, record: TrainingRecord, whitening: Whitening, references: SongVectors, config: PipelineConfig
    ) -> None:
        """Write whitening, references and record; the record comes last, so its presence means that all is there."""
        known = {"audio": references.audio, "lyrics": references.lyrics}
        write_bytes(self._references, save({n: np.ascontiguousarray(v) for n, v in known.items()}))
        tensors = {"mean": whitening.mean, "projection": np.ascontiguousarray(whitening.projection)}
        write_bytes(self._whitening, save(tensors))
        content = asdict(record) | {
            "encoder_sha256": sha256_of_file(self.encoder),
            "whitening_sha256": sha256_of_file(self._whitening),
            "references_sha256": sha256_of_file(self._references),
            "config": json.loads(config.model_dump_json(exclude=NOT_REMEMBERED)),
        }
        write_record(self._training, content)

    def training(self) -> TrainingRecord | None:
        """The record of the last training, null before the first.

        Raises:
            ModelError: the encoder's bytes are not those that were recorded.
        """
        record, content = self._record(self._training, TrainingRecord), self._read(self._training)
        if record is None or content is None:
            return None
        if not self.encoder.is_file() or sha256_of_file(self.encoder) != content.get("encoder_sha256"):
            raise ModelError(f"{self.encoder} is missing or damaged: delete {self.folder} and run `simsong run`")
        return record

    def whitening(self) -> Whitening:
        """The lyric whitening fitted on the training songs.

        Raises:
            ModelError: its bytes are not those that were recorded.
        """
        tensors = self._checked(self._whitening, "whitening_sha256")
        return Whitening(tensors["mean"], tensors["projection"])

    def start(self) -> Whitening | None:
        """The untrained start below a head on a body; null for the encoders of log-mels."""
        try:
            tensors = load_file(self.encoder)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{self.encoder} is missing or damaged: delete {self.folder} and run again") from error
        for head in ("", "head."):  # the second where the body is part of the encoder
            if f"{head}projection" in tensors:
                return Whitening(tensors[f"{head}mean"], tensors[f"{head}projection"])
        return None

    def references(self) -> SongVectors:
        """Vectors of songs that the model was trained on, among which other songs' hubness is measured.

        Raises:
            ModelError: their bytes are not those that were recorded.
        """
        tensors = self._checked(self._references, "references_sha256")
        return SongVectors(tensors["audio"], tensors["lyrics"])

    def _checked(self, path: Path, recorded: str) -> dict[str, NDArray[np.float32]]:
        """The tensors of a file whose hash is in the training record; those of older versions record fewer."""
        known = (self._read(self._training) or {}).get(recorded)
        try:
            data = path.read_bytes()
            if known is not None and hashlib.sha256(data).hexdigest() != known:
                raise ModelError(f"{path} is not the file that was written: {self.way_out}")
            return load(data)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path} is missing or damaged: {self.way_out}") from error

    @property
    def way_out(self) -> str:
        """What makes a model anew of which a file is damaged."""
        return f"delete {self.folder} and run `simsong run`"

    def way_out_of(self, record: Path) -> str:
        """What makes a damaged record anew."""
        ways = {
            self._export: "delete it and run `simsong run`, which exports anew",
            self._quality: "run `simsong evaluate`, which writes it anew",
            self._published: "delete it and run `simsong refresh`, which writes it anew",
            self._refusal: "delete it and run `simsong run`",
            self._chosen: "delete it, and run `simsong rollback` again where this model should stay",
        }
        return ways.get(record, self.way_out)

    @property
    def parts(self) -> dict[Path, Callable[[], object]]:
        """Each file that another one has a hash of, with what reads it and raises ModelError at damage."""
        return {
            self.encoder: self.training,
            self._whitening: self.whitening,
            self._references: self.references,
            self.onnx: self.exported_whole,
        }

    def version_of(self, front_end: str) -> str:
        """sha256 over the ONNX file, the front end's parameters, the whitening and the references."""
        beside = [sha256_of_file(path) for path in (self._whitening, self._references)]
        return sha256_of(sha256_of_file(self.onnx), front_end, *beside)

    def write_export(self, record: ExportRecord) -> None:
        """Write the record of an export."""
        write_record(self._export, asdict(record))

    def export(self) -> ExportRecord:
        """The record of the current ONNX file.

        Raises:
            ModelError: there is none, or the file's bytes are not those that were recorded.
        """
        record = self._record(self._export, ExportRecord)
        if record is None or not self.onnx.is_file():
            raise ModelError(f"no exported model in {self.folder}: run `simsong run` to train and export one")
        if sha256_of_file(self.onnx) != record.onnx_sha256:
            raise ModelError(f"{self.onnx} is not the file that was exported: delete it and run `simsong run`")
        return record

    def exported_whole(self) -> ExportRecord | None:
        """The record of the export, null before it, when all files are those of its version.

        Raises:
            ModelError: one is missing or not the file that was written.
        """
        if not self.is_exported():
            return None
        record = self.export()
        if self.version_of(feature_format(self.config()).version) != record.model_version:
            raise ModelError(f"the files in {self.folder} are not those of their version: {self.way_out}")
        return record

    def write_quality(self, record: "QualityRecord") -> None:
        """Write what evaluation found for the present export."""
        write_record(self._quality, asdict(record))

    def quality(self) -> "QualityRecord | None":
        """What evaluation found, null before the first evaluation."""
        return self._record(self._quality, QualityRecord)

    def mark_published(self, model_version: str) -> None:
        """Remember that all songs were in the index by this version, and that it was served."""
        write_record(self._published, {"model_version": model_version})

    def is_published(self) -> bool:
        """Whether the present export ever served all songs."""
        export = self._record(self._export, ExportRecord)
        known = self._record(self._published, _Published)
        return known is not None and export is not None and known.model_version == export.model_version

    def has_training(self) -> bool:
        """Whether a model lies here."""
        return self._training.is_file()

    def is_exported(self) -> bool:
        """True when an export of the current weights lies here."""
        return self.onnx.is_file() and self._export.is_file()

    def forget_training(self) -> None:
        """Drop the records of earlier weights, before new ones are written: a kill in between leaves no lie."""
        self._training.unlink(missing_ok=True)
        self.forget_export()

    def forget_export(self) -> None:
        """Drop the export of earlier weights."""
        self._quality.unlink(missing_ok=True)
        self._published.unlink(missing_ok=True)
        self._export.unlink(missing_ok=True)
        self.onnx.unlink(missing_ok=True)

    def _read(self, path: Path) -> dict[str, Any] | None:
        if not path.is_file():
            return None
        try:
            return read_json_object(path)
        except ValueError as error:
            raise ModelError(f"{path} is damaged: delete {self.folder} and run `simsong run`") from error

    def _record(self, path: Path, kind: type[R]) -> R | None:
        """The record in a file, null where there is none.

        Raises:
            ModelError: it is not of that kind; the message ends with the way out.
        """
        if not path.is_file():
            return None
        try:
            return TypeAdapter(kind).validate_python(read_json_object(path))
        except ValueError as error:
            raise ModelError(f"{path} is damaged, or of another version: {self.way_out_of(path)}") from error
