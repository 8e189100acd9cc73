"""What models were trained on is told apart by a hash, which no version may change: all would be trained anew."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import polars as pl
import pytest

from simsong_pipeline.files import sha256_of
from simsong_pipeline.stages.training_data import TrainingFrames, data_version


def _frames(pairs: int, seed: int) -> TrainingFrames:
    """Twenty songs, of which every fifth is judged, and pairs of them with ids that CSV has to quote."""
    rng = np.random.default_rng(seed)
    ids = [f'T{n}, "é"' for n in range(20)]
    songs = pl.DataFrame({"track_id": ids})
    features = songs.with_columns(
        pl.lit("f").alias("front_end"), pl.Series("audio_sha256", [f"a{n}" for n in range(20)])
    )
    lyrics = songs.head(9).with_columns(pl.lit("m").alias("model"), pl.lit("w").alias("text_sha256"))
    splits = songs.with_columns(pl.Series("split", ["test" if n % 5 == 0 else "train" for n in range(20)]))
    drawn = {"track_id": [ids[n] for n in rng.integers(0, 20, pairs)], "neighbour_id": [f"N{n}" for n in range(pairs)]}
    pairs_of = pl.DataFrame(drawn | {"score": rng.random(pairs), "rank": np.arange(pairs, dtype=np.uint32)})
    similarity = pairs_of.with_columns(pl.when(pl.col("score") < 0.9).then("score"))
    return TrainingFrames(songs, splits, similarity, features, lyrics)


def _songs() -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Of those frames' songs that are not judged: recordings and lyrics."""
    kept = [n for n in range(20) if n % 5]
    recordings = [(f'T{n}, "é"', f"a{n}", "f") for n in kept]
    return sorted(recordings), sorted((f'T{n}, "é"', "w", "m") for n in kept if n < 9)


@pytest.mark.parametrize("pairs", [0, 7, 5_000])
def test_the_hash_is_that_of_the_songs_and_of_the_pairs_as_text(pairs: int) -> None:
    frames = _frames(pairs, seed=pairs)
    text = frames.similarity.sort("track_id", "neighbour_id").write_csv()
    assert data_version(frames) == sha256_of(*_songs(), sha256(text.encode()).hexdigest())[:16]


def test_pairs_are_written_as_ever() -> None:
    rows = [("b", "a", 0.25, 1), ("a", 'b"', 1.0, 2), ("a", "b", None, 1)]
    schema = {"track_id": pl.String, "neighbour_id": pl.String, "score": pl.Float64, "rank": pl.UInt32}
    frames = replace(_frames(0, seed=0), similarity=pl.DataFrame(rows, schema=schema, orient="row"))
    text = 'track_id,neighbour_id,score,rank\na,b,,1\na,"b""",1.0,2\nb,a,0.25,1\n'
    assert data_version(frames) == sha256_of(*_songs(), sha256(text.encode()).hexdigest())[:16]
