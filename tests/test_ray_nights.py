"""Nights that are killed while a Ray cluster of this machine works for them."""

from pathlib import Path

import pytest
from conftest import SMALL_CONFIG
from killed_nights import end_as_an_undisturbed_night

from simsong_pipeline.config import EngineConfig
from simsong_pipeline.home.workspace import Workspace

pytest.importorskip("ray", reason="the extra simsong[ray] is not installed")


@pytest.mark.slow(minutes=2)
def test_kills_end_as_an_undisturbed_night(run_copy: Workspace, tmp_path: Path) -> None:
    config = SMALL_CONFIG.model_copy(update={"engine": EngineConfig(kind="ray")})
    # Few: each start makes a cluster, which takes seconds.
    end_as_an_undisturbed_night(run_copy, tmp_path, config, "refresh", few=5)
