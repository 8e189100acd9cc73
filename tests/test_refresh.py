"""What has to be embedded again."""

import numpy as np
import polars as pl
import pytest

from simsong_pipeline.refresh import Refreshed, content_hashes, split_unchanged, vector_frame

FEATURES = pl.DataFrame({"track_id": ["a", "b"], "audio_sha256": ["x", "y"], "front_end": ["f", "f"]})
LYRICS = pl.DataFrame({"track_id": ["a"], "text_sha256": ["t"], "model": ["m"]})


def _hash(features: pl.DataFrame = FEATURES, lyrics: pl.DataFrame = LYRICS, segments: object = 8) -> dict[str, str]:
    return dict(content_hashes(features, lyrics, segments).rows())


@pytest.mark.parametrize("column", ["audio_sha256", "front_end"])
def test_changed_audio_changes_the_hash_of_that_song_only(column: str) -> None:
    changed = FEATURES.with_columns(pl.when(track_id="b").then(pl.lit("new")).otherwise(column).alias(column))
    before, after = _hash(), _hash(changed)
    assert before["a"] == after["a"]
    assert before["b"] != after["b"]


@pytest.mark.parametrize("column", ["text_sha256", "model"])
def test_changed_lyrics_change_the_hash(column: str) -> None:
    assert _hash()["a"] != _hash(lyrics=LYRICS.with_columns(pl.lit("new").alias(column)))["a"]


def test_lyrics_that_appear_change_the_hash() -> None:
    assert _hash(lyrics=LYRICS.clear())["a"] != _hash()["a"]


def test_other_segments_change_every_hash() -> None:
    assert not set(_hash().values()) & set(_hash(segments=9).values())


def _vectors(ids: list[str], version: str = "v1") -> pl.DataFrame:
    hashes = content_hashes(FEATURES, LYRICS, 8)
    lyrics = {"a": np.array([0, 1], np.float32)}
    return vector_frame(ids, np.eye(len(ids), 3, dtype=np.float32), lyrics, hashes, version, 2)


def test_song_without_lyrics_has_a_null_vector() -> None:
    assert _vectors(["a", "b"])["lyrics"].to_list() == [[0, 1], None]


def test_nothing_changed_embeds_nothing() -> None:
    kept, todo = split_unchanged(content_hashes(FEATURES, LYRICS, 8), _vectors(["a", "b"]), "v1")
    assert (kept.height, todo) == (2, [])


def test_new_model_embeds_everything() -> None:
    kept, todo = split_unchanged(content_hashes(FEATURES, LYRICS, 8), _vectors(["a", "b"]), "v2")
    assert (kept.height, todo) == (0, ["a", "b"])


def test_vanished_song_is_not_kept() -> None:
    hashes = content_hashes(FEATURES.head(1), LYRICS, 8)
    kept, todo = split_unchanged(hashes, _vectors(["a", "b"]), "v1")
    assert (kept["track_id"].to_list(), todo) == (["a"], [])


def test_new_and_kept_songs_are_counted_apart_and_told_together() -> None:
    refreshed = Refreshed(_vectors(["b"]), _vectors(["a"]).select("track_id", "content_hash", "model_version"))
    assert (refreshed.embedded, refreshed.unchanged) == (1, 1)
    assert refreshed.states["track_id"].to_list() == ["a", "b"]
