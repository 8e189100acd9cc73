"""What looks after a home: a full look at its files and its index, once a week. It changes nothing."""

import dagster as dg

from dagster_project.failing import Failure, telling
from dagster_project.resources import SimSong, events
from dagster_project.schedules import time_zone

# After the night of Sunday.
WEEKLY_CRON = "0 6 * * 0"
_SHOWN = 10


@dg.op
@telling
def verify(context: dg.OpExecutionContext, simsong: SimSong) -> None:
    """Every file of the home, and every song of the index, as `simsong verify` looks at them.

    Raises:
        Failure: something is damaged; its description names it with what to do.
    """
    from simsong_pipeline.runs.home_verification import verify_home  # which loads much, for one run a week

    found = verify_home(simsong.workspace(), None, events(context))
    context.log.info(f"{found.looked_at} files and collections looked at, {len(found.damaged)} damaged")
    for note in found.notes:
        context.log.info(note)
    if found.damaged:
        more = f"\n... and {len(found.damaged) - _SHOWN} more" if len(found.damaged) > _SHOWN else ""
        raise Failure("\n".join(damage.text for damage in found.damaged[:_SHOWN]) + more)


@dg.job(executor_def=dg.in_process_executor)
def verification() -> None:
    """A nightly run proves what it wrote by counts; this looks at all of it."""
    verify()


weekly_verification = dg.ScheduleDefinition(
    name="weekly_verification", job=verification, cron_schedule=WEEKLY_CRON, execution_timezone=time_zone()
)
