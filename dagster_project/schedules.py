"""The nightly job: everything from raw data to evaluation and index, without training.

Whether anything changed is asked by its first step, not by the schedule: where code is served there need not be the
music, and listing a large folder takes longer than a schedule may.
"""

import os

import dagster as dg

from dagster_project.json_logger import logging_config

# SIMSONG_TIME_ZONE says otherwise.
NIGHTLY_TIME_ZONE = "Europe/Berlin"
NIGHTLY_CRON = "0 3 * * *"
_IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

nightly_job = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("training", "export"),
    config={"ops": {"raw_files": {"config": {"only_if_changed": True}}}} | logging_config(),
    # Before whatever else waits for the home.
    tags={"dagster/priority": "10"},
)


def time_zone() -> str:
    """In which the schedules' times are meant."""
    return os.environ.get("SIMSONG_TIME_ZONE") or NIGHTLY_TIME_ZONE


def nightly(cron: str = NIGHTLY_CRON) -> dg.ScheduleDefinition:
    """The schedule: at three in the morning, unless the run of another night is still in flight.

    Three o'clock exists once in every night of the year in which the clock changes: it jumps from two to three, or
    from three to two.
    """

    @dg.schedule(cron_schedule=cron, job=nightly_job, execution_timezone=time_zone())
    def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """The night's run."""
        filters = dg.RunsFilter(job_name=nightly_job.name, statuses=_IN_FLIGHT)
        running = context.instance.get_run_records(filters, limit=1)
        if running:
            return dg.SkipReason(f"run {running[0].dagster_run.run_id} is still in flight")
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())

    return nightly_schedule


nightly_schedule = nightly()
