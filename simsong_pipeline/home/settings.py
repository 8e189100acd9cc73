"""The pipeline's configuration from a TOML file and single values."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import RawDataError


def read_config(path: Path | None, base: PipelineConfig, changes: dict[str, Any]) -> PipelineConfig:
    """`base` with the fields of a TOML file, then `changes` ("train.steps": 10; null changes nothing).

    Raises:
        RawDataError: no such file, not TOML, or a field that does not exist or fit.
    """
    values = base.model_dump()
    _merge(values, _written(path))
    for dotted, value in changes.items():
        if value is not None:
            *folders, name = dotted.split(".")
            _merge(values, _nested(folders, {name: value}))
    try:
        return PipelineConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise RawDataError(f"configuration: there is no field {where!r}{_nearest(where)}") from error
        raise RawDataError(f"configuration field {where!r}: {first['msg']} (got {first.get('input')!r})") from error


def names(path: Path | None, dotted: str) -> bool:
    """Whether the TOML file says a field itself, and be it what holds anyway.

    Raises:
        RawDataError: no such file, or not TOML.
    """
    found: Any = _written(path)
    for part in dotted.split("."):
        if not isinstance(found, dict) or part not in found:
            return False
        found = found[part]
    return True


def _written(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RawDataError(f"configuration {path} cannot be read: {error}") from error


def _nearest(field: str) -> str:
    """The fields that somebody may have meant, by their whole names or by their last parts."""
    from rapidfuzz import fuzz, process  # not before: hardly any command comes here

    known = _fields(PipelineConfig)
    by_last = {name: name.rpartition(".")[2] for name in known}
    close = process.extract(field, {name: name for name in known}, scorer=fuzz.ratio, limit=2, score_cutoff=80)
    close += process.extract(field.rpartition(".")[2], by_last, scorer=fuzz.ratio, limit=2, score_cutoff=80)
    names = list(dict.fromkeys(name for *_, name in close))
    return f": {' or '.join(repr(name) for name in names)} is meant, perhaps" if names else ""


def _fields(model: type[BaseModel], before: str = "") -> list[str]:
    """All fields of a configuration and of those in it, by their dotted names."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names += _fields(inner, f"{before}{name}.")
        names.append(f"{before}{name}")
    return names


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
