"""Exports a trained variant and holds the ONNX file to parity with torch."""

import numpy as np
from safetensors.torch import load_file

from export.onnx_export import export_encoder
from export.parity import MIN_COSINE, MIN_OVERLAP, check_parity
from simsong_pipeline.audio.feature_store import FeatureReader
from simsong_pipeline.audio.log_mel import front_end_version
from simsong_pipeline.audio.segments import cut, segment_frames
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.errors import ModelError
from simsong_pipeline.files import sha256_of_file
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.pipeline.model_files import ExportRecord, ModelFiles
from simsong_pipeline.pipeline.workspace import Workspace

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
    frames, n_mels = segment_frames(own.segments, own.log_mel), own.log_mel.n_mels
    encoder = AudioEncoder(own.encoder, n_mels, frames)
    encoder.load_state_dict(load_file(files.encoder))
    front_end = front_end_version(own.log_mel)
    metadata = {"variant": variant, "front_end": front_end, "log_mel": own.log_mel.model_dump()}
    export_encoder(encoder, frames, n_mels, metadata | {"segments": own.segments.model_dump()}, files.onnx)
    songs = sorted(features)[:_PARITY_SONGS]
    catalogue = np.stack([cut(features[t], len(features[t]) // 3, frames) for t in songs]).astype(np.float32)
    parity = check_parity(encoder, OnnxEncoder(files.onnx, config.inference), frames, n_mels, catalogue)
    if not parity.holds:
        files.forget_export()
        raise ModelError(
            f"the ONNX encoder of {variant} differs from torch: cosine {parity.min_cosine:.6f} (least {MIN_COSINE}), "
            f"top-10 overlap {parity.top_10_overlap:.4f} (least {MIN_OVERLAP})"
        )
    record = ExportRecord(
        files.version_of(front_end), sha256_of_file(files.onnx), parity.min_cosine, parity.top_10_overlap, parity.holds
    )
    files.write_export(record)
    return record
