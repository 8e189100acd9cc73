"""Dagster's own log lines as JSON, one object a line, where SIMSONG_LOG_FORMAT says json."""

import logging
from collections.abc import Mapping
from typing import Any

import dagster as dg

from simsong_pipeline.logs import is_json, json_handler


def _named(record: logging.LogRecord) -> bool:
    """Let a record say its run and step as fields, and its message without them."""
    meta = getattr(record, "dagster_meta", None) or {}
    record.dagster_run, record.step = meta.get("run_id"), meta.get("step_key")
    return True


@dg.logger
def json_lines(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger beside all others, as Dagster wants them."""
    log, handler = logging.Logger("dagster", logging.INFO), json_handler()
    handler.addFilter(_named)
    log.addHandler(handler)
    return log


def logging_config() -> dict[str, Any]:
    """Of a job: Dagster takes its own console where a run's configuration names no other."""
    return {"loggers": {"console": {"config": {}}}} if is_json() else {}


def loggers() -> Mapping[str, dg.LoggerDefinition] | None:
    """In place of Dagster's coloured console."""
    return {"console": json_lines} if is_json() else None
