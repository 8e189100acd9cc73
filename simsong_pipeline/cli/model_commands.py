"""`simsong models`: pretrained models that all homes on this machine share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from simsong_pipeline.cli.console import events, out, print_json, print_json_lines, print_table
from simsong_pipeline.cli.options import Json
from simsong_pipeline.cli.stopping import stoppable
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.model_cache import cache_folder, fetch_musicnn, find_musicnn

app = typer.Typer(help="Pretrained models, in a cache that homes share (SIMSONG_MODELS).", no_args_is_help=True)


@app.command()
@stoppable
def fetch(
    model: Annotated[Literal["musicnn"], typer.Argument(help="The model to fetch.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="The package's wheel; by default pip downloads it.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch a model and write it as safetensors and ONNX. What is there and whole stays; what is damaged is mended."""
    with events() as told:
        files = fetch_musicnn(told, source)
    if json:
        print_json({"model": model, "folder": str(files.folder), "files": files.hashes})
    else:
        out.print(f"{model} is in {files.folder}", markup=False)


@app.command("list")
@stoppable
def list_models(json: Json = False) -> None:
    """The models that are there, and whether their files are whole."""
    state, folder = _state()
    row = {"model": "musicnn", "state": state, "licence": "ISC", "folder": str(folder)}
    if json:
        print_json_lines([row])
    else:
        print_table("models", tuple(row), [tuple(row.values())])


def _state() -> tuple[str, Path]:
    try:
        files = find_musicnn()
        if files is None:
            return "not fetched", cache_folder()
        files.check()
    except ModelError as error:
        return f"damaged ({error})", cache_folder()
    return "whole", files.folder
