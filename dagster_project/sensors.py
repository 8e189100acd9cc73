"""Who is told when a run fails."""

from collections.abc import Iterator

import dagster as dg

from simsong_pipeline.pipeline import notices


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def failure_notice(context: dg.RunFailureSensorContext) -> Iterator[dg.SkipReason]:
    """By webhook and e-mail, as SIMSONG_WEBHOOK_URL, SIMSONG_MAIL_TO and SIMSONG_SMTP_URL say."""
    run = context.dagster_run
    if not notices.is_wanted():
        yield dg.SkipReason("nobody is to be told: neither SIMSONG_WEBHOOK_URL nor SIMSONG_MAIL_TO is set")
        return
    text = f"{context.failure_event.message}\nrun {run.run_id}"
    used = notices.send(f"SimSong: {run.job_name} failed", text)
    context.log.info("told by %s", " and ".join(used))
