"""The join of raw tracks: what leaves, and with which reason."""

import numpy as np
import polars as pl
import pytest

from simsong_pipeline.catalogue import build_catalogue, related_by, restrict
from simsong_pipeline.config import CatalogueConfig
from simsong_pipeline.errors import SchemaError
from simsong_pipeline.schemas import SIMILARITY

NO_MISMATCH = pl.DataFrame(schema={"track_id": pl.String, "detail": pl.String})
NO_DUPLICATE = pl.DataFrame(schema={"clique": pl.Int64, "track_id": pl.String})


def _raw(**changes: object) -> pl.DataFrame:
    row = {
        "track_id": "T",
        "song_id": "S",
        "artist_id": "A",
        "artist_name": "Artist",
        "title": "Title",
        "release": "Release",
        "genre": "",
        "year": 1999,
        "duration_s": 100.0,
        "file": "t.h5",
        "unreadable": None,
    }
    schema = {"year": pl.Int32, "duration_s": pl.Float64, "unreadable": pl.String, "artist_name": pl.String}
    return pl.DataFrame([row | changes], schema_overrides=schema)


def _build(*rows: pl.DataFrame, mismatches: pl.DataFrame = NO_MISMATCH, duplicates: pl.DataFrame = NO_DUPLICATE):
    return build_catalogue(pl.concat(rows), "test", mismatches, duplicates, CatalogueConfig())


@pytest.mark.parametrize(("year", "expected"), [(0, None), (-1, None), (1999, 1999)])
def test_unknown_years_are_null(year: int, expected: int | None) -> None:
    assert _build(_raw(year=year)).tracks["year"].to_list() == [expected]


@pytest.mark.parametrize("duration", [float("nan"), -1.0, 0.0, float("inf")])
def test_impossible_durations_are_null(duration: float) -> None:
    assert _build(_raw(duration_s=duration)).tracks["duration_s"].to_list() == [None]


def test_a_duration_that_is_not_a_number_is_listed_and_the_track_kept() -> None:
    catalogue = _build(_raw(duration_s=float("nan")))
    assert catalogue.exclusions["reason"].to_list() == ["duration is not a number: field left out, track kept"]


def test_mismatched_track_leaves_with_its_detail() -> None:
    mismatches = pl.DataFrame({"track_id": ["T"], "detail": ["a != b"]})
    catalogue = _build(_raw(), _raw(track_id="U"), mismatches=mismatches)
    assert catalogue.tracks["track_id"].to_list() == ["U"]
    assert catalogue.exclusions["reason"].to_list() == ["song and track id do not match: a != b"]


def test_one_track_of_a_clique_stays_even_when_its_first_is_not_in_the_catalogue() -> None:
    duplicates = pl.DataFrame({"clique": [0, 0, 0], "track_id": ["absent", "U", "T"]})
    catalogue = _build(_raw(), _raw(track_id="U"), duplicates=duplicates)
    assert catalogue.tracks["track_id"].to_list() == ["U"]
    assert catalogue.exclusions.select("track_id", "reason").rows() == [("T", "duplicate of U")]


def test_track_in_two_cliques_leaves_once() -> None:
    duplicates = pl.DataFrame({"clique": [0, 0, 1, 1], "track_id": ["T", "V", "U", "V"]})
    catalogue = _build(_raw(), _raw(track_id="U"), _raw(track_id="V"), duplicates=duplicates)
    assert catalogue.exclusions["track_id"].to_list() == ["V"]


def test_track_without_a_name_leaves() -> None:
    catalogue = _build(_raw(title=" "), _raw(track_id="U"))
    assert catalogue.exclusions.select("track_id", "reason").rows() == [("T", "no title")]


def test_unreadable_file_is_listed() -> None:
    catalogue = _build(_raw(track_id="X", artist_name=None, unreadable="not HDF5"), _raw())
    assert catalogue.tracks["track_id"].to_list() == ["T"]
    assert catalogue.exclusions.select("track_id", "reason").rows() == [("X", "not HDF5")]


def test_nothing_usable_is_an_error_with_the_first_reason() -> None:
    with pytest.raises(SchemaError, match="no title"):
        _build(_raw(title=""))


def test_restrict_needs_both_ends_of_a_pair() -> None:
    pairs = pl.DataFrame({"track_id": ["a", "a", "x"], "neighbour_id": ["b", "x", "a"]})
    assert restrict(pairs, pl.DataFrame({"track_id": ["a", "b"]})).rows() == [("a", "b")]


def test_related_songs_share_the_column_and_unknown_values_relate_nobody() -> None:
    tracks = pl.DataFrame({"track_id": ["a", "b", "c", "d", "e"], "genre": ["x", "x", "y", None, None]})
    assert related_by(tracks, "genre").select("track_id", "neighbour_id").rows() == [("a", "b"), ("b", "a")]


def test_songs_that_share_one_of_several_values_are_related() -> None:
    tracks = pl.DataFrame({"track_id": ["a", "b", "c", "d"], "shared": [["x", "y"], ["y", "x"], ["z"], []]})
    assert related_by(tracks, "shared").select("track_id", "neighbour_id").rows() == [("a", "b"), ("b", "a")]


def test_everybody_is_named_beside_the_artist_of_the_source() -> None:
    catalogue = _build(
        _raw(artist_name="Anna feat. Bo", title="Sea (with Cy)"), _raw(track_id="U", artist_name="Various")
    )
    assert catalogue.tracks["artist_ids"].to_list() == [["A", "anna", "bo", "cy"], ["A"]]


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_those_of_every_song_with_every_other(seed: int, several: bool) -> None:
    rng = np.random.default_rng(seed)
    ids = [f"T{n}" for n in rng.permutation(60)]
    artists = [[f"A{a}" for a in rng.choice(9, rng.integers(1, 4) if several else 1)] for _ in ids]
    named = [None if rng.random() < 0.1 else list(names) for names in artists]
    tracks = pl.DataFrame(
        {"track_id": ids, "shared": named}, schema={"track_id": pl.String, "shared": pl.List(pl.String)}
    )
    tracks = tracks if several else tracks.with_columns(pl.col("shared").list.first())
    by_id = dict(zip(ids, named, strict=True))
    expected = []
    for song in sorted(ids):
        others = [o for o in sorted(ids) if o != song and set(by_id[song] or ()) & set(by_id[o] or ())]
        expected += [(song, other, 1.0, rank) for rank, other in enumerate(others, 1)]
    found = related_by(tracks, "shared")
    assert found.rows() == expected
    assert dict(found.schema) == dict(SIMILARITY.columns)
