"""Two variants whose encoders are one file, as where the untrained start serves for both: a song is embedded once."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.config import VARIANTS, Variant
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.stages.stored_vectors import stored_vectors


def twins(workspace: Workspace, variant: Variant) -> dict[Variant, str]:
    """The other variants whose exported encoder is this one's, byte for byte, with their models' versions.

    Raises:
        ModelError: the variant's model was not exported.
    """
    own = ModelFiles(workspace.model(variant)).export().onnx_sha256
    files = {other: ModelFiles(workspace.model(other)) for other in VARIANTS if other != variant}
    exports = {other: its.export() for other, its in files.items() if its.is_exported()}
    return {other: export.model_version for other, export in exports.items() if export.onnx_sha256 == own}


def twin_vectors(workspace: Workspace, variant: Variant, asked: pl.DataFrame) -> dict[str, NDArray[np.float32]]:
    """What twins have stored of these songs: unit audio vectors [dim] by the hash of the audio.

    Args:
        asked: track_id, audio_sha256, content_hash.
    """
    found: dict[str, NDArray[np.float32]] = {}
    if not asked.height:
        return found
    for twin, version in twins(workspace, variant).items():
        stored = stored_vectors(workspace, twin)
        if stored is None:
            continue
        same = stored.states.filter(model_version=version).join(asked, on=["track_id", "content_hash"])
        rows = stored.rows(same["track_id"].to_list()).select("track_id", "audio").join(same, on="track_id")
        found |= dict(zip(rows["audio_sha256"].to_list(), rows["audio"].to_numpy(), strict=True))
    return found
