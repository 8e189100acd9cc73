"""A frame in buckets is the frame that was written, and a change costs the buckets that it touches."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from simsong_pipeline.buckets import USUAL
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.bucketed_frame import MANIFEST, BucketedFrame
from simsong_pipeline.home.workspace import Workspace

REMEDY = "delete it and begin anew"


def _frame(ids: range, value: float = 0.0) -> pl.DataFrame:
    vectors = [[float(n), value] for n in ids]
    return pl.DataFrame(
        {"track_id": [f"T{n:05d}" for n in ids], "hash": [f"h{n}{value}" for n in ids], "vector": vectors},
        schema={"track_id": pl.String, "hash": pl.String, "vector": pl.Array(pl.Float32, 2)},
    )


def _files(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in folder.glob("*.parquet")}


@pytest.fixture
def kept(tmp_path: Path) -> BucketedFrame:
    """Three thousand rows, written."""
    frame = BucketedFrame(tmp_path / "vectors", REMEDY)
    frame.write(_frame(range(3_000)))
    return frame


def test_what_is_read_is_what_was_written_in_any_order(kept: BucketedFrame) -> None:
    assert_frame_equal(kept.read(), _frame(range(3_000)))
    assert kept.height == 3_000
    kept.write(_frame(range(3_000)).sample(fraction=1.0, shuffle=True, seed=1))
    assert_frame_equal(kept.read(), _frame(range(3_000)))


def test_columns_and_buckets_can_be_read_alone(kept: BucketedFrame) -> None:
    some = kept.read(["track_id", "hash"], buckets=[3, 7])
    assert some.columns == ["track_id", "hash"]
    assert {USUAL.of(t) for t in some["track_id"]} == {3, 7}


def test_the_same_rows_write_nothing(kept: BucketedFrame, tmp_path: Path) -> None:
    before = _files(tmp_path / "vectors")
    kept.write(_frame(range(3_000)))
    kept.update(_frame(range(10)))
    assert _files(tmp_path / "vectors") == before
    assert len(before) == USUAL.count


def test_a_value_that_changed_under_the_same_hash_is_written(kept: BucketedFrame) -> None:
    other = _frame(range(3_000)).with_columns(pl.lit([9.0, 9.0], pl.Array(pl.Float32, 2)).alias("vector"))
    kept.write(other)
    assert_frame_equal(kept.read(), other)


def test_an_update_is_the_plain_replacement_and_touches_its_buckets_alone(kept: BucketedFrame, tmp_path: Path) -> None:
    before = _files(tmp_path / "vectors")
    new, gone = _frame(range(2_990, 3_005), 1.0), ["T00000", "T00001"]
    kept.update(new, gone)
    plain = pl.concat([_frame(range(2, 2_990)), new])
    assert_frame_equal(kept.read(), plain)
    touched = {USUAL.of(t) for t in [*new["track_id"], *gone]}
    after = _files(tmp_path / "vectors")
    assert len(after.items() - before.items()) == len(touched) < USUAL.count
    assert len(after) == USUAL.count


def test_a_frame_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    frame = BucketedFrame(tmp_path / "empty", REMEDY)
    frame.write(_frame(range(0)))
    assert_frame_equal(frame.read(), _frame(range(0)))
    frame.update(_frame(range(1)))
    assert_frame_equal(frame.read(), _frame(range(1)))


def test_a_frame_of_another_width_replaces_the_old_one_in_every_bucket(kept: BucketedFrame) -> None:
    wider = pl.DataFrame(
        {"track_id": ["T00000"], "hash": ["x"], "vector": [[1.0, 2.0, 3.0]]},
        schema={"track_id": pl.String, "hash": pl.String, "vector": pl.Array(pl.Float32, 3)},
    )
    kept.write(wider)
    assert_frame_equal(kept.read(), wider)


def test_until_the_manifest_is_written_the_frame_is_the_one_before(
    kept: BucketedFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simsong_pipeline.home.bucketed_frame.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        kept.write(_frame(range(3_000), 2.0))
    monkeypatch.undo()
    assert_frame_equal(kept.read(), _frame(range(3_000)))
    kept.write(_frame(range(3_000), 2.0))
    assert len(_files(tmp_path / "vectors")) == USUAL.count


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda f: _flip(sorted(f.glob("*.parquet"))[0]), "its bytes changed"),
        (lambda f: sorted(f.glob("*.parquet"))[0].unlink(), "is missing"),
        (lambda f: (f / MANIFEST).write_text("{}"), "names no bucket"),
        (lambda f: (f / MANIFEST).write_text('{"0000": 1}'), MANIFEST),
    ],
)
def test_damage_names_the_file_and_the_way_out(kept: BucketedFrame, tmp_path: Path, harm: object, what: str) -> None:
    harm(tmp_path / "vectors")  # type: ignore[operator]
    with pytest.raises(RawDataError, match=f"{what}.*{REMEDY}"):
        kept.read()


def test_a_home_of_an_earlier_version_is_read_and_rewritten_in_buckets(run_copy: Workspace) -> None:
    vectors = run_copy.read("wns/track_vectors")
    for path in sorted(run_copy.frame_path("wns/track_vectors").iterdir()):
        path.unlink()
    run_copy.frame_path("wns/track_vectors").rmdir()
    single = run_copy.home / "frames/wns/track_vectors.parquet"
    vectors.write_parquet(single)
    assert_frame_equal(run_copy.read("wns/track_vectors"), vectors)
    run_copy.write("wns/track_vectors", vectors)
    assert not single.exists()
    assert_frame_equal(run_copy.read("wns/track_vectors"), vectors)
