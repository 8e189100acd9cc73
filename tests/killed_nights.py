"""Nights that are killed: the index ends as an undisturbed one's, and is whole at every moment in between."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from conftest import run_of

from simsong_pipeline.config import EngineConfig, PipelineConfig
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Point
from simsong_pipeline.runs.run import run
from simsong_pipeline.stores.opening import open_store

# What CI has time for; KILLS=50 asks for as many as that of each test, which takes a quarter of an hour each.
_WANTED = os.environ.get("KILLS")


def _flip(workspace: Workspace, originals: Path, changed: bool) -> None:
    """Ten recordings swapped in pairs and two taken away, or all of it as it was."""
    files = sorted(p for p in (originals / "audio").rglob("*") if p.is_file() and p.stat().st_size > 20_000)
    swapped = dict(zip(files[:10], [*files[1:10], files[0]], strict=True)) if changed else {}
    for path in files[:12]:
        target = workspace.raw / path.relative_to(originals)
        if changed and path in files[10:12]:
            target.unlink(missing_ok=True)
        else:
            shutil.copyfile(swapped.get(path, path), target)


def _points(workspace: Workspace, config: PipelineConfig) -> dict[str, Point]:
    with open_store(config.store, workspace.home) as store:
        name = store.aliases()["simsong"]
        ids = sorted(store.hashes(name))
        return {p.point_id: p for p in store.fetch(name, ids, with_vectors=True)}


def _hashes(points: dict[str, Point]) -> dict[str, str]:
    return {i: p.payload["content_hash"] for i, p in points.items()}


def end_as_an_undisturbed_night(
    run_copy: Workspace, tmp_path: Path, config: PipelineConfig, command: str, few: int
) -> None:
    """Kill `command` over and over while songs change, and compare with a home where nothing was killed.

    Args:
        command: of `simsong`: run or refresh.
        few: kills, unless KILLS asks for another number.
    """
    originals = tmp_path / "originals"
    shutil.copytree(run_copy.raw, originals)
    by_threads = config.model_copy(update={"engine": EngineConfig()})  # in this process, whatever the command works by
    run(run_of(run_copy, config=by_threads, publish_anyway=True))  # fills this index
    run_copy.save_config(config)
    undisturbed = Workspace(tmp_path / "undisturbed")
    shutil.copytree(run_copy.home, undisturbed.home)
    before = _points(run_copy, config)
    _flip(undisturbed, originals, changed=True)
    run(run_of(undisturbed, config=by_threads, publish_anyway=True))
    after = _points(undisturbed, config)
    assert 0 < len(after) < len(before)
    known = {i: {_hashes(before).get(i), _hashes(after).get(i)} for i in before}

    words = [sys.executable, "-m", "simsong_pipeline.cli.main", command, "--publish-anyway"]
    words += ["--home", str(run_copy.home)]
    started = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    whole = time.monotonic() - started
    rng, kills, changed = np.random.default_rng(0), 0, True
    _flip(run_copy, originals, changed)
    wanted = few if _WANTED is None else int(_WANTED)
    while kills < wanted:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        try:
            code = process.wait(float(rng.uniform(0.3, 1.1)) * whole)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        else:
            assert code == 0
            changed = not changed  # this night is done: another one
            _flip(run_copy, originals, changed)
        # What a reader of the alias sees: every song that both states have, each whole and of one of them.
        seen = _points(run_copy, config)
        assert set(after) <= set(seen) <= set(before)
        assert all(_hashes(seen)[i] in known[i] for i in seen)
        assert all({"audio", "song"} <= set(p.vectors) for p in seen.values())
    _flip(run_copy, originals, changed=True)
    subprocess.run(words, check=True, capture_output=True)
    final = _points(run_copy, config)
    assert _hashes(final) == _hashes(after)
    for point_id, point in final.items():
        for name, vector in point.vectors.items():
            np.testing.assert_allclose(vector, after[point_id].vectors[name], atol=1e-5)
        ours, theirs = ({k: v for k, v in p.payload.items() if k != "embedded_at"} for p in (point, after[point_id]))
        assert ours == theirs
    assert not list((run_copy.home / "features").glob(".*.part"))
    run_copy.clear_unfinished(datetime.now(UTC) + timedelta(hours=2))
    assert not [p for p in run_copy.home.rglob("*.part") if p.is_file()]
