"""An input that shrank stops the night while nothing is lost, and goes through where it is meant."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from conftest import SMALL_CONFIG, run_of

from simsong_pipeline.errors import RawDataError, StoreError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.stages.index_stage import IndexFrames, publish_variant
from simsong_pipeline.stages.stored_vectors import in_memory

LEFT = 8


def _night(workspace: Workspace, accept_shrink: bool = False) -> RunSummary:
    return refresh(run_of(workspace, accept_shrink=accept_shrink, publish_anyway=True))


def _spoil(workspace: Workspace, how: Callable[[Path], object]) -> dict[Path, bytes]:
    """All usable recordings but eight; what they were."""
    usable = set(workspace.read("segment_features")["track_id"].to_list())
    paths = [p for p in sorted((workspace.raw / "audio").rglob("*.*")) if p.stem in usable][:-LEFT]
    before = {path: path.read_bytes() for path in paths}
    for path in paths:
        how(path)
    return before


def _indexed(workspace: Workspace, alias: str = "simsong_wns") -> int:
    with workspace.store(SMALL_CONFIG.store) as store:
        return store.count(alias)


def _emptied(path: Path) -> object:
    return path.write_bytes(b"")


def _damaged(path: Path) -> object:
    return path.write_bytes(b"no music" * 1_000)


@pytest.mark.parametrize(
    ("spoil", "left"), [(_emptied, f"{LEFT + 1} recordings are there"), (_damaged, f"{LEFT} .* usable")]
)
def test_recordings_that_went_bad_cost_no_vector(
    run_copy: Workspace, spoil: Callable[[Path], object], left: str
) -> None:
    """One that was truncated before is there as well."""
    before = run_copy.read("wns/track_vectors")
    contents = _spoil(run_copy, spoil)
    with pytest.raises(RawDataError, match=rf"^{left}, and 44 could be used in the last run"):
        _night(run_copy)
    assert run_copy.read("wns/track_vectors").equals(before)
    assert _indexed(run_copy) == 44
    for path, content in contents.items():
        path.write_bytes(content)
    assert _night(run_copy).embedded == 0


def test_missing_recordings_cost_no_log_mel(run_copy: Workspace) -> None:
    before = sorted(p.name for p in (run_copy.home / "features").iterdir())
    _spoil(run_copy, _emptied)
    with pytest.raises(RawDataError, match="Nothing was changed"):
        _night(run_copy)
    assert sorted(p.name for p in (run_copy.home / "features").iterdir()) == before


def test_smaller_catalogue_that_is_meant_is_indexed(run_copy: Workspace) -> None:
    _spoil(run_copy, Path.unlink)
    assert _night(run_copy, accept_shrink=True).unchanged == LEFT
    assert (_indexed(run_copy), _indexed(run_copy, "simsong_ns")) == (LEFT, LEFT)


def _publish(workspace: Workspace, songs: int, **options: bool) -> None:
    """Index some of the songs by another model than the one that is served."""
    frames = IndexFrames(
        *(workspace.read(name) for name in ("tracks", "audio", "descriptions", "lyrics", "lastfm_tags"))
    )
    version = "f" * 64
    vectors = workspace.read("wns/track_vectors").head(songs).with_columns(model_version=pl.lit(version))
    publish_variant(run_of(workspace, publish_anyway=True, **options), "wns", in_memory(vectors), frames)


def test_new_model_does_not_bring_a_shrunken_catalogue_with_it(run_copy: Workspace) -> None:
    with pytest.raises(StoreError, match=rf"{44 - LEFT} of the 44 songs .* --accept-shrink"):
        _publish(run_copy, LEFT)
    assert _indexed(run_copy) == 44


def test_new_model_of_a_smaller_catalogue_serves_where_that_is_meant(run_copy: Workspace) -> None:
    _publish(run_copy, LEFT, accept_shrink=True)
    assert _indexed(run_copy) == LEFT
