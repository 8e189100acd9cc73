"""Nights that are killed, over either embedded engine of the index."""

from pathlib import Path

import pytest
from conftest import SMALL_CONFIG
from killed_nights import end_as_an_undisturbed_night

from simsong_pipeline.home.workspace import Workspace


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "edge"])
def test_fifty_kills_end_as_an_undisturbed_night(run_copy: Workspace, tmp_path: Path, engine: str) -> None:
    config = SMALL_CONFIG.model_copy(update={"store": SMALL_CONFIG.store.model_copy(update={"engine": engine})})
    end_as_an_undisturbed_night(run_copy, tmp_path, config, "run")
