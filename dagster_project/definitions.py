"""What Dagster loads."""

import dagster as dg

from dagster_project.assets import catalogue, evaluation, raw
from dagster_project.assets.ledger import ledger
from dagster_project.assets.models import MODEL_ASSETS
from dagster_project.checks import CHECKS
from dagster_project.describing import described
from dagster_project.executing import executor
from dagster_project.io_manager import FrameIOManager
from dagster_project.json_logger import loggers
from dagster_project.resources import SimSong
from dagster_project.schedules import nightly_job, nightly_schedule
from dagster_project.sensors import failure_notice
from dagster_project.upkeep import verification, weekly_verification

_simsong = SimSong()
_loaded = [a for a in dg.load_assets_from_modules([raw, catalogue, evaluation]) if isinstance(a, dg.AssetsDefinition)]

defs = dg.Definitions(
    assets=described([*_loaded, *MODEL_ASSETS, ledger]),
    asset_checks=CHECKS,
    jobs=[nightly_job, verification],
    schedules=[nightly_schedule, weekly_verification],
    sensors=[failure_notice],
    resources={"simsong": _simsong, "frames": FrameIOManager(simsong=_simsong)},
    loggers=loggers(),
    executor=executor(),
)
