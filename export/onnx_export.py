"""Writes an encoder as ONNX: dynamic batch, named input and output, metadata that says what made it."""

import io
import json
import logging
import warnings
from pathlib import Path

import onnx
import torch

from simsong_pipeline.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.errors import ModelError, first_line
from simsong_pipeline.files import write_bytes

INPUT, OUTPUT = "log_mel", "audio_vector"


def export_encoder(encoder: AudioEncoder, frames: int, n_mels: int, metadata: dict[str, object], path: Path) -> None:
    """Write `encoder` for log_mel [batch, frames, n_mels] → embedding [batch, d], any batch size.

    Args:
        metadata: strings or JSON values, kept in the file's metadata_props.

    Raises:
        ModelError: the exporter fails or the checker refuses its graph.
    """
    encoder = encoder.cpu().eval()
    example = torch.zeros(2, frames, n_mels)
    batch = torch.export.Dim("batch", min=1, max=4096)
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                encoder,
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes={"log_mel": {0: batch}},
                verbose=False,
            )
        if program is None:
            raise ModelError("the ONNX exporter returned nothing")
        model = program.model_proto
        _tag(model, metadata)
        onnx.checker.check_model(model)
    except (torch.onnx.errors.OnnxExporterError, onnx.checker.ValidationError) as error:
        raise ModelError(f"the encoder cannot be exported to ONNX: {first_line(error)}") from error
    buffer = io.BytesIO()
    onnx.save_model(model, buffer)
    write_bytes(path, buffer.getvalue())


def _tag(model: onnx.ModelProto, metadata: dict[str, object]) -> None:
    model.producer_name = "simsong"
    for key, value in sorted(metadata.items()):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value, sort_keys=True)


class _quiet_exporter(warnings.catch_warnings):  # noqa: N801 (a context manager, used like a function)
    """The exporter warns about its own internals; its errors still surface."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
