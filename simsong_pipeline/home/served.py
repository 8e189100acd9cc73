"""Opens the encoder that a home's songs are embedded with."""

from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.segments import segmentation
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.inference import OnnxEncoder


def load_encoder(workspace: Workspace, variant: Variant, config: PipelineConfig) -> OnnxEncoder:
    """A session over the variant's ONNX file.

    Raises:
        ModelError: there is none, or it was made for other features than are configured.
    """
    encoder = OnnxEncoder(ModelFiles(workspace.model(variant)).onnx, config.inference)
    _refuse_other_features(encoder, config)
    return encoder


def _refuse_other_features(encoder: OnnxEncoder, config: PipelineConfig) -> None:
    """A model understands the features that it was trained on and no others."""
    wanted = {"front_end": feature_format(config).version, "segments": segmentation(config)}
    for name, value in wanted.items():
        if encoder.metadata.get(name) != value:
            raise ModelError(
                f"the model was made for other {name.replace('_', ' ')} settings ({encoder.metadata.get(name)}) than "
                f"are configured ({value}): train again with `simsong run`"
            )
