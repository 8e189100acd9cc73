"""Who is told when a run fails."""

import textwrap
from collections.abc import Iterator

import dagster as dg

from simsong_pipeline.runs import notices

_REASON = 500


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def failure_notice(context: dg.RunFailureSensorContext) -> Iterator[dg.SkipReason]:
    """By webhook and e-mail, as SIMSONG_WEBHOOK_URL, SIMSONG_MAIL_TO and SIMSONG_SMTP_URL say."""
    run = context.dagster_run
    if not notices.is_wanted():
        yield dg.SkipReason("nobody is to be told: neither SIMSONG_WEBHOOK_URL nor SIMSONG_MAIL_TO is set")
        return
    reasons = [_reason(event) for event in context.get_step_failure_events()]
    text = "\n".join([context.failure_event.message or "", *reasons, f"run {run.run_id}"])
    used = notices.send(f"SimSong: {run.job_name} failed", text)
    context.log.info("told by %s", " and ".join(used))


def _reason(event: dg.DagsterEvent) -> str:
    """The step, and what it raised: the error below Dagster's own, whose cause may be a library's and say less."""
    failed = event.step_failure_data
    if failed.user_failure_data is not None and failed.user_failure_data.description:
        return textwrap.shorten(f"{event.step_key}: {failed.user_failure_data.description}", _REASON)
    error = failed.error
    while error is not None and error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    # On one line: a failed check's name stands on the second.
    return textwrap.shorten(f"{event.step_key}: {error.message if error is not None else ''}", _REASON)
