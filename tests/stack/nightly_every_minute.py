"""SimSong's own definitions, with the nightly schedule every minute and an asset that can be held by a file."""

import os
import time
from pathlib import Path

import dagster as dg

from dagster_project import definitions
from dagster_project.schedules import nightly, nightly_job


@dg.asset(deps=[dg.AssetKey("raw_files")])
def held(context: dg.AssetExecutionContext) -> None:
    """Waits while the file that SIMSONG_TEST_HOLD names is there."""
    hold = Path(os.environ["SIMSONG_TEST_HOLD"])
    hold.with_name("in-flight").write_text(f"{context.run.run_id} {os.getpid()}")
    while hold.exists():
        time.sleep(0.2)


defs = dg.Definitions.merge(
    dg.Definitions(
        assets=definitions.defs.assets,
        asset_checks=definitions.defs.asset_checks,
        resources=definitions.defs.resources,
        executor=definitions.defs.executor,
        sensors=definitions.defs.sensors,
    ),
    dg.Definitions(assets=[held], jobs=[nightly_job], schedules=[nightly("* * * * *")]),
)
