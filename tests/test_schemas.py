"""Contracts refuse what breaks them."""

import polars as pl
import pytest

from simsong_pipeline.errors import SchemaError
from simsong_pipeline.schemas import SPLITS, TRACK_VECTORS, TRACKS, check, completed, conform, empty


def test_conform_selects_and_casts() -> None:
    frame = conform(pl.DataFrame({"extra": [1], "split": ["train"], "track_id": ["a"]}), SPLITS)
    assert frame.columns == ["track_id", "split"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"track_id": ["a"]}, "lacks the columns"),
        ({"track_id": ["a", "a"], "split": ["train", "test"]}, "repeated keys"),
        ({"track_id": [None], "split": ["train"]}, "nulls"),
        ({"track_id": ["a"], "split": ["elsewhere"]}, "does not fit"),
    ],
)
def test_broken_frames_are_refused(columns: dict[str, list[str]], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        conform(pl.DataFrame(columns, schema_overrides={"track_id": pl.String}), SPLITS)


def test_vectors_that_are_not_finite_are_refused() -> None:
    row = {"track_id": "a", "audio": [1.0, float("nan")], "lyrics": None, "content_hash": "h", "model_version": "m"}
    vector = pl.Array(pl.Float32, 2)
    with pytest.raises(SchemaError, match="not finite"):
        check(pl.DataFrame([row], schema_overrides={"audio": vector, "lyrics": vector}), TRACK_VECTORS)


def test_empty_frame_keeps_the_contract() -> None:
    check(empty(TRACK_VECTORS), TRACK_VECTORS)


def test_a_frame_of_an_earlier_version_is_completed_with_nulls() -> None:
    before = empty(TRACKS).drop("artist_ids")
    check(completed(before, TRACKS), TRACKS)
    with pytest.raises(SchemaError, match="lacks the column 'title'"):
        check(completed(before.drop("title"), TRACKS), TRACKS)
