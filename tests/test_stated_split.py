"""The data set's own split by artist, where its list lies beside the tracks."""

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import SMALL_CONFIG, run_of

from simsong_pipeline.config import SplitConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.msd_text import parse_artists
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stages.catalogue_stages import make_splits
from simsong_pipeline.stated_split import split_as_stated

CONFIG = SplitConfig()


def drawn(songs: int, seed: int) -> tuple[pl.DataFrame, list[str]]:
    """Tracks of which some name a second artist, and a tenth of the artists to be judged."""
    rng = np.random.default_rng(seed)
    artists = [f"AR{n:016d}" for n in range(songs // 5)]
    main = rng.choice(artists, songs).tolist()
    guests = [str(rng.choice([*artists, "nobody else's"])) if rng.random() < 0.2 else a for a in main]
    names = [list(dict.fromkeys([a, f"name of {a}", f"name of {b}"])) for a, b in zip(main, guests, strict=True)]
    ids = [f"TR{n:016d}" for n in range(songs)]
    test = sorted(rng.choice(artists, len(artists) // 10, replace=False).tolist())
    return pl.DataFrame({"track_id": ids, "artist_id": main, "artist_ids": names}), test


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_judged_are_songs_of_these_artists_alone_and_no_song_is_in_two_worlds(seed: int) -> None:
    tracks, test = drawn(2_000, seed)
    splits = split_as_stated(tracks, test, CONFIG)
    assert splits is not None
    part = dict(splits.with_columns(pl.col("split").cast(pl.String)).rows())
    artists_of: dict[str, set[str]] = {}
    for track_id, main, names in tracks.select("track_id", "artist_id", "artist_ids").rows():
        singers = {main, *(name.removeprefix("name of ") for name in names)} & {*tracks["artist_id"]}
        assert (part.get(track_id) == "test") == all(name in test for name in singers)
        if track_id in part:
            artists_of.setdefault(part[track_id], set()).update(singers)
        else:
            assert len(singers) == 2
    assert not artists_of["test"] & artists_of["train"]
    assert not artists_of["validation"] & artists_of["train"]
    share = len(artists_of["validation"]) / len(artists_of["validation"] | artists_of["train"])
    assert share == pytest.approx(CONFIG.validation, abs=0.06)


def test_two_ids_of_one_name_are_one_artist() -> None:
    rows = [("A", "ARA", ["ARA", "x"]), ("B", "ARB", ["ARB", "x"]), ("C", "ARC", ["ARC", "y"])]
    tracks = pl.DataFrame(rows, schema=["track_id", "artist_id", "artist_ids"], orient="row")
    splits = split_as_stated(pl.concat([tracks, tracks.tail(1).with_columns(track_id=pl.lit("D"))]), ["ARA"], CONFIG)
    assert splits is not None
    assert splits["track_id"].to_list() == ["C", "D"]


def test_artists_keep_their_part_whoever_comes_or_goes() -> None:
    tracks, test = drawn(1_000, 3)
    whole, half = (split_as_stated(frame, test, CONFIG) for frame in (tracks, tracks.head(500)))
    assert whole is not None
    assert half is not None
    both = half.join(whole, on="track_id")
    assert (both["split"] == both["split_right"]).all()
    # A guest who comes to songs of their own in another part may take one out of all parts.
    assert both.height >= 0.98 * half.height


def test_there_is_somebody_to_validate_on() -> None:
    tracks, test = drawn(60, 4)
    for seed in range(20):
        splits = split_as_stated(tracks, test[:1], SplitConfig(seed=seed, validation=0.01))
        assert splits is not None
        assert set(splits["split"]) == {"train", "validation", "test"}


def test_a_list_that_tells_nothing_apart_is_left_alone() -> None:
    tracks, _ = drawn(50, 5)
    assert split_as_stated(tracks, [], CONFIG) is None
    assert split_as_stated(tracks, ["AR9999999999999999"], CONFIG) is None
    assert split_as_stated(tracks, tracks["artist_id"].unique().to_list(), CONFIG) is None


def test_lists_are_read_as_they_are_published() -> None:
    assert parse_artists(io.StringIO("\ufeffARB\r\nARA\r\n\r\nARB\r\n")) == ["ARA", "ARB"]
    with pytest.raises(RawDataError, match="line 2: no artist's id: 'Queen'"):
        parse_artists(io.StringIO("ARA\nQueen\n"))


@pytest.mark.parametrize("place", ["", "AdditionalFiles"])
def test_a_run_splits_by_the_list_beside_the_tracks(run_copy: Workspace, tmp_path: Path, place: str) -> None:
    tracks, audio = run_copy.read("tracks"), run_copy.read("audio")
    test = tracks["artist_id"].unique().sort().to_list()[:3]
    (tmp_path / "raw" / "msd" / place).mkdir(parents=True)
    (tmp_path / "raw" / "msd" / place / "artists_test.txt").write_text("\n".join(test) + "\n")
    run = run_of(run_copy, SourceConfig(raw=tmp_path / "raw"), SMALL_CONFIG)
    splits = make_splits(run, tracks, audio)
    judged = splits.filter(split="test").join(tracks, on="track_id")
    assert set(judged["artist_id"]) == set(test)
