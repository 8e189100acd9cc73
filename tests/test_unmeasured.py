"""A library in which nothing could be measured is refreshed like any other, night after night."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import run_of

from simsong_pipeline.config import EvaluationConfig, PipelineConfig
from simsong_pipeline.evaluation.quality import UNMEASURED, Outcome
from simsong_pipeline.home.model_cache import MusicnnFiles
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import run
from simsong_pipeline.sources.source import SourceConfig


def _write(path: Path, seed: int) -> None:
    """Eight seconds of chords, other ones for each seed."""
    rng = np.random.default_rng(seed)
    t = np.arange(16_000) / 16_000
    chords = [sum(np.sin(2 * np.pi * f * t) for f in rng.uniform(110, 1760, 4)) for _ in range(8)]
    soundfile.write(path, 0.15 * np.concatenate(chords) + 0.01 * rng.standard_normal(128_000), 16_000)


@pytest.mark.slow
def test_an_unmeasured_library_is_refreshed_without_being_told_to_measure(
    tmp_path: Path, musicnn_files: MusicnnFiles
) -> None:
    folder, workspace = tmp_path / "music", Workspace(tmp_path / "home")
    folder.mkdir()
    for n in range(5):
        _write(folder / f"song {n}.wav", n)
    source = SourceConfig(library=folder)
    config = PipelineConfig(evaluation=EvaluationConfig(relevance="artist"))
    assert run(run_of(workspace, source, config)).upserted == 5
    record = ModelFiles(workspace.model("wns")).quality()
    assert record is not None
    assert (record.passed, record.outcome, record.text) == (True, Outcome.UNTOLD.value, UNMEASURED)

    same = refresh(run_of(workspace, workspace.load_source(), workspace.load_config()))
    assert (same.embedded, same.upserted) == (0, 0)

    for n in range(5, 8):
        _write(folder / f"song {n}.wav", n)
    (folder / "song 0.wav").unlink()
    grown = refresh(run_of(workspace, workspace.load_source(), workspace.load_config()))
    assert (grown.tracks, grown.embedded, grown.upserted) == (7, 3, 3)
    assert ModelFiles(workspace.model("wns")).quality() == dataclasses.replace(record)
