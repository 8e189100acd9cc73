"""The nightly job: everything from raw data to evaluation and index, without training."""

import dagster as dg

NIGHTLY_TIME_ZONE = "Europe/Berlin"
_IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

nightly_job = dg.define_asset_job(
    "nightly", selection=dg.AssetSelection.all() - dg.AssetSelection.groups("training", "export")
)


@dg.schedule(cron_schedule="0 3 * * *", job=nightly_job, execution_timezone=NIGHTLY_TIME_ZONE)
def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """At three in the morning, unless the run of another night is still in flight."""
    running = context.instance.get_run_records(dg.RunsFilter(job_name=nightly_job.name, statuses=_IN_FLIGHT), limit=1)
    if running:
        return dg.SkipReason(f"run {running[0].dagster_run.run_id} is still in flight")
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())
