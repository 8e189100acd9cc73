"""Exports a trained variant and holds the ONNX file to parity with torch."""

import numpy as np
from numpy.typing import NDArray

from export.onnx_export import export_encoder
from export.parity import MIN_COSINE, MIN_OVERLAP, check_parity, fixed_events, fixed_features, fixed_log_mels
from simsong_pipeline.audio.feature_format import (
    feature_format,
    hears_by_body,
    hears_events,
    keeps_log_mels,
    trains_body,
)
from simsong_pipeline.audio.feature_store import FeatureReader
from simsong_pipeline.audio.segments import cut, input_frames, segmentation
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.errors import ModelError
from simsong_pipeline.files import sha256_of_file
from simsong_pipeline.home.model_files import ExportRecord, ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.stages.encoders import read_encoder

_PARITY_SONGS = 512


def export_variant(
    workspace: Workspace, variant: Variant, features: FeatureReader, config: PipelineConfig
) -> ExportRecord:
    """Export the weights to ONNX and check parity on the fixed set and on the catalogue's songs.

    Raises:
        ModelError: the vectors differ by more than the bounds; the ONNX file is then withdrawn.
    """
    with workspace.lock():
        files = ModelFiles(workspace.model(variant))
        return files.export() if files.is_exported() else _export(files, variant, features, config)


def _export(files: ModelFiles, variant: Variant, features: FeatureReader, config: PipelineConfig) -> ExportRecord:
    # The model's own configuration: where a newer one was refused, it is not the run's.
    own = files.config()
    rows, frames, encoder = feature_format(own), input_frames(own), read_encoder(files)
    # Not the variant: where both are one model, so are their versions, and a song is embedded once.
    metadata: dict[str, object] = {
        "front_end": rows.version,
        "segments": segmentation(own),
        "encoder": own.encoder.kind,
    }
    if keeps_log_mels(own):
        metadata["log_mel"] = own.log_mel.model_dump()
    export_encoder(encoder, frames, rows.channels, metadata, files.onnx)
    songs = sorted(features)[:_PARITY_SONGS]
    catalogue = np.stack([cut(features[t], len(features[t]) // 3, frames) for t in songs]).astype(np.float32)
    parity = check_parity(encoder, OnnxEncoder(files.onnx, config.inference), _hard_inputs(own), catalogue)
    if not parity.holds:
        files.forget_export()
        raise ModelError(
            f"the ONNX encoder of {variant} differs from torch: cosine {parity.min_cosine:.6f} (least {MIN_COSINE}), "
            f"top-10 overlap {parity.top_10_overlap:.4f} (least {MIN_OVERLAP})"
        )
    version = files.version_of(rows.version)
    bounds = (parity.min_cosine, parity.top_10_overlap, parity.holds)
    record = ExportRecord(version, sha256_of_file(files.onnx), *bounds)
    files.write_export(record)
    return record


def _hard_inputs(config: PipelineConfig) -> NDArray[np.float32]:
    """[n, frames, channels] the fixed set of what the encoder takes."""
    frames, channels = input_frames(config), feature_format(config).channels
    if hears_events(config):
        return fixed_events(frames)
    if hears_by_body(config):
        return fixed_features(channels)
    fixed = fixed_log_mels(frames, channels)
    # The decibels of a body's front end begin at silence.
    return fixed - fixed.min() if trains_body(config) else fixed
