"""The pipeline's configuration from a TOML file and single values."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import RawDataError


def read_config(path: Path | None, base: PipelineConfig, changes: dict[str, Any]) -> PipelineConfig:
    """`base` with the fields of a TOML file, then `changes` ("train.steps": 10; null changes nothing).

    Raises:
        RawDataError: no such file, not TOML, or a field that does not exist or fit.
    """
    values = base.model_dump()
    if path is not None:
        try:
            _merge(values, tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise RawDataError(f"configuration {path} cannot be read: {error}") from error
    for dotted, value in changes.items():
        if value is not None:
            *folders, name = dotted.split(".")
            _merge(values, _nested(folders, {name: value}))
    try:
        return PipelineConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RawDataError(f"configuration field {where!r}: {first['msg']} (got {first.get('input')!r})") from error


def _nested(folders: list[str], value: dict[str, Any]) -> dict[str, Any]:
    for folder in reversed(folders):
        value = {folder: value}
    return value


def _merge(into: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value
