"""A home whose songs are known by the data set's features: run without recordings, gone on with, and not played."""

import shutil
from pathlib import Path

import h5py
import polars as pl
import pytest
from conftest import QUIET, SMALL_CONFIG, run_of
from typer.testing import CliRunner

from simsong_pipeline.asking.queries import paths_of
from simsong_pipeline.audio.event_place import file_and_row, place_of_row, playable
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.catalogue import build_catalogue
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import CatalogueConfig, EncoderConfig, PipelineConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.hearing import with_events_alone
from simsong_pipeline.home.run import open_source
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.linking.own_songs import own_songs
from simsong_pipeline.runs.bucket_work import work_on_buckets
from simsong_pipeline.runs.home_verification import verify_home
from simsong_pipeline.runs.run import run
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.schemas import SEGMENT_FEATURES, completed, conform
from simsong_pipeline.service.catalogue import songs_frame
from simsong_pipeline.sources.sample.generate import read_description
from simsong_pipeline.sources.source import SourceConfig

Home = tuple[Workspace, RunSummary]


@pytest.mark.slow
def test_a_data_set_without_recordings_settles_its_encoder_and_runs(features_run: Home, features_raw: Path) -> None:
    workspace, summary = features_run
    faults: dict[str, str] = read_description(features_raw)["faults"]  # type: ignore[assignment]
    assert workspace.load_config().encoder.kind == "events"
    assert summary.embedded == summary.upserted == workspace.read("segment_features").height > 40
    left = workspace.read("exclusions").filter(stage="audio")["track_id"].to_list()
    assert set(left) == {faults["truncated"], faults["missing_audio"]}


@pytest.mark.slow
def test_it_is_measured_beside_the_gaussians_of_its_timbre(features_run: Home) -> None:
    metrics = features_run[0].read("metrics").filter(metric="recall_at_10", protocol="unfiltered")
    assert {"mfcc", "ns_audio", "wns_fused"} <= set(metrics["variant"])
    assert metrics.filter(variant="mfcc")["value"][0] > 0


@pytest.mark.slow
def test_every_file_of_it_is_found_whole(features_run: Home) -> None:
    assert verify_home(features_run[0], None, QUIET).damaged == []


@pytest.mark.slow
def test_nothing_of_it_can_be_played(features_run: Home) -> None:
    workspace, _ = features_run
    ids = workspace.read("segment_features")["track_id"]
    assert workspace.read("audio")["path"].str.ends_with(".h5").all()
    assert songs_frame(workspace, ids)["path"].null_count() == len(ids)
    assert paths_of(workspace, ids.to_list()) == [None] * len(ids)
    assert own_songs(workspace)["path"].drop_nulls().is_empty()


@pytest.mark.slow
def test_a_file_written_anew_with_the_same_values_changes_nothing(
    features_run: Home, features_raw: Path, tmp_path: Path
) -> None:
    shutil.copytree(features_run[0].home, tmp_path / "home")
    shutil.copytree(features_raw, tmp_path / "raw")
    workspace = Workspace(tmp_path / "home")
    usable = workspace.read("segment_features")["track_id"].to_list()
    files = {path.stem: path for path in (tmp_path / "raw/msd/data").rglob("*.h5")}
    with h5py.File(files[usable[0]], "a") as file:
        timbre = file["analysis/segments_timbre"]
        timbre[...] = timbre[...]
    with h5py.File(files[usable[1]], "a") as file:
        file["analysis/segments_timbre"][3, 3] += 50
    # The raw data lie elsewhere now, so that all is read; of one song the values are others.
    summary = run(run_of(workspace, SourceConfig(raw=tmp_path / "raw"), workspace.load_config()))
    assert (summary.embedded, summary.unchanged) == (1, len(usable) - 1)


def test_workers_read_their_buckets_before_the_first_run(features_raw: Path, tmp_path: Path) -> None:
    workspace, raw = Workspace(tmp_path / "home"), tmp_path / "raw"
    raw.mkdir()
    for name in ("msd", "lastfm"):  # without lyrics, which take longer
        (raw / name).symlink_to(features_raw / name)
    source, config = SourceConfig(raw=raw), PipelineConfig(train=SMALL_CONFIG.train)
    done = [work_on_buckets(run_of(workspace, source, config), part) for part in (range(32), range(32, 64))]
    assert sum(part.usable for part in done) > 40
    again = work_on_buckets(run_of(workspace, source, config), range(64))
    assert again.decoded == 0


@pytest.mark.parametrize(("kind", "expected"), [("musicnn", "events"), ("convolution", "convolution")])
def test_a_chosen_encoder_stays(features_raw: Path, tmp_path: Path, kind: str, expected: str) -> None:
    config = PipelineConfig(encoder=EncoderConfig.model_validate({"kind": kind}))
    source = open_source(Workspace(tmp_path), SourceConfig(raw=features_raw))
    assert with_events_alone(Workspace(tmp_path), source, config, QUIET).encoder.kind == expected


def test_an_encoder_that_was_named_has_none_in_its_place(features_raw: Path, tmp_path: Path) -> None:
    (tmp_path / "named.toml").write_text('[encoder]\nkind = "musicnn"\n')
    for words in (["--encoder", "musicnn"], ["--config", str(tmp_path / "named.toml")]):
        command = ["run", "--raw", str(features_raw), "--home", str(tmp_path / "home"), *words]
        with pytest.raises(RawDataError, match=r"no recordings, which the encoder musicnn hears.*--encoder events"):
            CliRunner().invoke(app, command, catch_exceptions=False)


def test_a_home_that_has_heard_recordings_misses_them_and_hears_nothing_else(
    features_raw: Path, tmp_path: Path
) -> None:
    workspace, config = Workspace(tmp_path), PipelineConfig()
    known = {"track_id": "TR1", "audio_sha256": "a", "front_end": feature_format(config).version, "file": None}
    workspace.write(
        "segment_features",
        conform(completed(pl.DataFrame([known | {"offset": 0, "frames": 6}]), SEGMENT_FEATURES), SEGMENT_FEATURES),
    )
    source = open_source(workspace, SourceConfig(raw=features_raw))
    assert with_events_alone(workspace, source, config, QUIET) == config


def test_recordings_keep_their_encoder(sample_raw: Path, tmp_path: Path) -> None:
    source = open_source(Workspace(tmp_path), SourceConfig(raw=sample_raw))
    assert with_events_alone(Workspace(tmp_path), source, PipelineConfig(), QUIET).encoder.kind == "musicnn"


def test_a_manifest_has_no_such_features(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text("path\nsong.flac\n")
    source = open_source(Workspace(tmp_path / "home"), SourceConfig(manifest=tmp_path / "songs.csv"))
    assert not source.has_events_alone
    with pytest.raises(RawDataError, match="no features of the Million Song Dataset"):
        source.event_files(lambda *_: None)


def test_paths_of_music_are_playable_and_those_of_events_are_not() -> None:
    places = ["/music/TR1.mp3", "/msd/TR1.h5", place_of_row("/msd/many.h5", 7), "/music/a.h5#b.flac", None]
    found = pl.DataFrame({"path": places}).select(playable())["path"].to_list()
    assert found == ["/music/TR1.mp3", None, None, "/music/a.h5#b.flac", None]
    assert file_and_row(place_of_row("/msd/a#1.h5", 7)) == ("/msd/a#1.h5", 7)
    assert file_and_row("/msd/TR1.h5") == ("/msd/TR1.h5", None)


def test_a_share_is_of_whole_artists_and_a_part_of_every_larger_one() -> None:
    songs = [(f"TR{n:04d}", f"AR{n % 100}", "Name", "Title") for n in range(1_000)]
    raw = pl.DataFrame(songs, schema=["track_id", "artist_id", "artist_name", "title"], orient="row").with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in ("song_id", "release", "genre", "file", "unreadable")),
        pl.lit(2000, pl.Int32).alias("year"),
        pl.lit(200.0).alias("duration_s"),
    )
    none = pl.DataFrame(schema={"track_id": pl.String, "song_id": pl.String, "detail": pl.String})
    copies = pl.DataFrame(schema={"clique": pl.Int64, "track_id": pl.String})

    def drawn(share: float) -> pl.DataFrame:
        return build_catalogue(raw, "msd", none, copies, CatalogueConfig(share=share)).tracks

    some, more, everything = drawn(0.2), drawn(0.5), drawn(1.0)
    assert everything.height == 1_000
    assert 80 < some.height < 400 < more.height < 700
    assert set(some["track_id"]) < set(more["track_id"])
    assert some.group_by("artist_id").len()["len"].unique().to_list() == [10]
