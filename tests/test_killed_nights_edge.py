"""Nights that are killed, over Qdrant's embedded engine.

A file of its own, for it is among the longest of all tests and others run beside it.
"""

from pathlib import Path

import pytest
from conftest import SMALL_CONFIG
from killed_nights import end_as_an_undisturbed_night

from simsong_pipeline.home.workspace import Workspace


@pytest.mark.slow(minutes=4)
def test_kills_end_as_an_undisturbed_night(run_copy: Workspace, tmp_path: Path) -> None:
    store = SMALL_CONFIG.store.model_copy(update={"engine": "edge"})
    end_as_an_undisturbed_night(run_copy, tmp_path, SMALL_CONFIG.model_copy(update={"store": store}), "run", few=8)
