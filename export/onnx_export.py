"""Writes an encoder as ONNX: dynamic batch, named input and output, metadata that says what made it."""

import io
import json
import logging
import warnings
from pathlib import Path

import onnx
import torch

from simsong_pipeline.errors import ModelError, first_line
from simsong_pipeline.files import write_bytes

INPUT, OUTPUT = "features", "audio_vector"


def export_encoder(
    encoder: torch.nn.Module, frames: int, channels: int, metadata: dict[str, object], path: Path
) -> None:
    """Write `encoder` for features [batch, frames, channels] → embedding [batch, d], any batch size.

    Args:
        metadata: strings or JSON values, kept in the file's metadata_props.

    Raises:
        ModelError: the exporter fails or the checker refuses its graph.
    """
    export_module(encoder, torch.zeros(2, frames, channels), (INPUT, OUTPUT), metadata, path)


def export_module(
    module: torch.nn.Module, example: torch.Tensor, names: tuple[str, str], metadata: dict[str, object], path: Path
) -> None:
    """Write `module` for inputs like `example`, any number of them.

    Args:
        names: of the input, which is also the argument of `forward`, and of the output.
        metadata: as for `export_encoder`.

    Raises:
        ModelError: as for `export_encoder`.
    """
    batch = torch.export.Dim("batch", min=1, max=4096)
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                module.cpu().eval(),
                (example,),
                dynamo=True,
                input_names=[names[0]],
                output_names=[names[1]],
                dynamic_shapes={names[0]: {0: batch}},
                verbose=False,
            )
        if program is None:
            raise ModelError("the ONNX exporter returned nothing")
        model = program.model_proto
        _forget_the_source(model)
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


def _forget_the_source(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes of the code that each node came from: paths of this machine, most of a file."""
    for held in (model.graph, *model.functions, *model.graph.node, *model.graph.value_info, *model.graph.input):
        del held.metadata_props[:]
    for held in (*model.graph.output, *model.graph.initializer, *(n for f in model.functions for n in f.node)):
        del held.metadata_props[:]


class _quiet_exporter(warnings.catch_warnings):  # noqa: N801 (a context manager, used like a function)
    """The exporter warns about its own internals; its errors still surface."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
