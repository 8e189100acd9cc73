"""A code location of its own for what asks providers.

Its assets are partitioned, and a selection with partitioned assets cannot be materialized as a whole from a terminal;
apart, nothing is ever asked of a provider by materializing everything else.
"""

import dagster as dg

from dagster_project.assets import providers
from dagster_project.resources import SimSong
from dagster_project.sensors import failure_notice

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([providers]),
    resources={"simsong": SimSong()},
    # A sensor hears of its own code location's runs.
    sensors=[failure_notice],
    executor=dg.in_process_executor,
)
