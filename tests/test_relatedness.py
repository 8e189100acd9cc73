"""Which songs a list or folder calls related, and who keeps his part when names are read otherwise."""

from pathlib import Path

import polars as pl
import pytest
from conftest import SMALL_CONFIG, run_of

from simsong_pipeline.catalogue import build_catalogue
from simsong_pipeline.config import CatalogueConfig, EvaluationConfig, Relevance
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.splits import remember, split_by_artist
from simsong_pipeline.stages.catalogue_stages import make_splits
from simsong_pipeline.stages.raw import ListeningFrames, read_listening, read_tracks

NO_PAIRS = pl.DataFrame(schema={"track_id": pl.String, "detail": pl.String})


def _listening(tmp_path: Path, relevance: Relevance, rows: list[tuple[str, str, str]]) -> tuple[ListeningFrames, dict]:
    manifest = tmp_path / "songs.csv"
    pl.DataFrame(rows, schema=["path", "artist", "genre"], orient="row").write_csv(manifest)
    source, workspace = SourceConfig(manifest=manifest), Workspace(tmp_path / "home")
    config = SMALL_CONFIG.model_copy(update={"evaluation": EvaluationConfig(relevance=relevance)})
    run = run_of(workspace, source, config)
    tracks = read_tracks(run)
    return read_listening(run, tracks), dict(tracks.select("track_id", "title").rows())


def _pairs(found: ListeningFrames, names: dict) -> set[str]:
    return {f"{names[a]}{names[b]}" for a, b in found.similarity.select("track_id", "neighbour_id").rows()}


def test_songs_that_share_any_genre_are_related(tmp_path: Path) -> None:
    rows = [("a", "A", "Rock; Pop"), ("b", "B", "ROCK"), ("c", "C", "pop/Jazz"), ("d", "D", ""), ("e", "E", "(17)")]
    found, names = _listening(tmp_path, "genre", rows)
    assert _pairs(found, names) == {"ab", "ba", "ac", "ca", "ae", "ea", "be", "eb"}


def test_genres_are_tags_spelt_as_most_songs_spell_them(tmp_path: Path) -> None:
    rows = [("a", "A", "Hip-Hop"), ("b", "B", "hip hop"), ("c", "C", "Hip-Hop; Jazz"), ("d", "D", "")]
    found, names = _listening(tmp_path, "genre", rows)
    tags = sorted((names[track_id], tag) for track_id, tag in found.tags.select("track_id", "tag").rows())
    assert tags == [("a", "Hip-Hop"), ("b", "Hip-Hop"), ("c", "Hip-Hop"), ("c", "Jazz")]


def test_songs_of_one_artist_are_related_and_those_of_nobody_to_none(tmp_path: Path) -> None:
    names = ["Ánna", "A\u0301NNA feat. Bo", "Bo", "Various Artists", "various artists", "<unknown>", "<unknown>", ""]
    rows = [(f"{letter}", name, "") for letter, name in zip("abcdefgh", names, strict=True)]
    found, titles = _listening(tmp_path, "artist", rows)
    assert _pairs(found, titles) == {"ab", "ba"}


def test_artists_keep_their_part_when_their_names_are_read_otherwise(tmp_path: Path) -> None:
    """A home of an earlier version: its ledger knows artists by other ids, no tracks and no guests."""
    names = [f"Artist {n}{' feat. Guest ' + str(n) if n % 3 == 0 else ''}" for n in range(30)]
    raw = pl.DataFrame({"track_id": [f"T{n:02}" for n in range(30)], "artist_name": names})
    raw = raw.with_columns(
        pl.col("artist_name").str.to_lowercase().alias("artist_id"),
        pl.col("track_id").alias("title"),
        *(pl.lit(None, pl.String).alias(name) for name in ("song_id", "release", "genre", "file", "unreadable")),
        pl.lit(0, pl.Int32).alias("year"),
        pl.lit(1.0).alias("duration_s"),
    )
    before = raw.select("track_id", "artist_id")
    old = split_by_artist(before, SMALL_CONFIG.splits)
    workspace = Workspace(tmp_path)
    now = raw.with_columns(pl.col("artist_id").str.replace(" feat.*", ""))
    copies = pl.DataFrame(schema={"clique": pl.Int64, "track_id": pl.String})
    tracks = build_catalogue(now, "library", NO_PAIRS, copies, CatalogueConfig()).tracks
    audio = tracks.select("track_id", pl.lit("ok").alias("status"))
    make_splits(run_of(workspace), tracks, audio)  # names the ledger
    ledger = next(workspace.frame_path("x").parent.glob("split_artists_*")).stem
    workspace.write(
        ledger, remember(None, before, old).filter(pl.col("artist_id").is_in(before["artist_id"].implode()))
    )
    workspace.write("splits", old)
    new = make_splits(run_of(workspace), tracks, audio)
    assert new.sort("track_id").equals(old.sort("track_id"))


@pytest.mark.parametrize("relevance", ["artist", "genre"])
def test_nothing_said_relates_nothing(tmp_path: Path, relevance: Relevance) -> None:
    found, names = _listening(tmp_path, relevance, [("a", "", ""), ("b", "", "")])
    assert _pairs(found, names) == set()
