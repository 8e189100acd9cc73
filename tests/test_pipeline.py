"""The whole lineage on a small sample: first run, second run, changes, faults."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import NOW, QUIET, SMALL_CONFIG, run_of

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.config import VARIANTS, InferenceConfig, SegmentConfig
from simsong_pipeline.errors import BusyError, EvaluationError, ModelError, RawDataError, UnprovenError
from simsong_pipeline.evaluation.quality import Outcome, Verdict
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.runs.ahead import Ahead, usable_encoders
from simsong_pipeline.runs.lineage import PreparedFrames, prepare
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import evaluate_again, run
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.schemas import CONTRACTS, check
from simsong_pipeline.sources.sample.generate import read_description
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stages.embedding_stage import embed_variant
from simsong_pipeline.stages.index_stage import IndexFrames, publish_variant
from simsong_pipeline.stages.stored_vectors import in_memory

Finished = tuple[Workspace, RunSummary]
ON_CPU = SMALL_CONFIG.model_copy(update={"inference": InferenceConfig(provider="cpu")})


def _run(workspace: Workspace, **options: object) -> RunSummary:
    return run(run_of(workspace, publish_anyway=True, **options))  # type: ignore[arg-type]


def test_first_run_counts_every_track_once(finished_run: Finished) -> None:
    summary = finished_run[1]
    # Left out: mismatched, duplicate, truncated, missing.
    assert (summary.tracks, summary.excluded, summary.embedded, summary.unchanged) == (48, 4, 44, 0)
    assert summary.upserted == 44


def test_every_frame_keeps_its_contract(finished_run: Finished) -> None:
    workspace = finished_run[0]
    linked = {"external_ids", "unlinked", "server_lists"}  # of homes that are linked to a music server
    names = [n for n in CONTRACTS if n not in {"track_vectors", *linked}] + [f"{v}/track_vectors" for v in VARIANTS]
    for name in names:
        check(workspace.read(name), CONTRACTS[name.rpartition("/")[2]])


@pytest.mark.parametrize(
    ("fault", "stage", "reason"),
    [
        ("mismatched", "tracks", "song and track id do not match"),
        ("duplicate", "tracks", "duplicate of"),
        ("nan_fields", "tracks", "duration is not a number"),
        ("truncated", "audio", "truncated"),
        ("missing_audio", "audio", "file is missing"),
        ("html_lyrics", "lyrics", "an HTML page"),
    ],
)
def test_planted_fault_is_excluded_with_its_reason(finished_run: Finished, fault: str, stage: str, reason: str) -> None:
    workspace = finished_run[0]
    faults: dict[str, str] = read_description(workspace.raw)["faults"]  # type: ignore[assignment]
    exclusions = workspace.read("exclusions").filter(stage=stage)
    found = dict(exclusions.select("track_id", "reason").rows())
    # Of a clique either track may be the one that leaves.
    tracks = (faults["duplicate"], faults["original"]) if fault == "duplicate" else (faults[fault],)
    assert [found[t].startswith(reason) for t in tracks if t in found] == [True]


def test_exclusions_hold_nothing_but_the_planted_faults(finished_run: Finished) -> None:
    assert finished_run[0].read("exclusions").height == 6


def test_vectors_are_finite_and_of_unit_length(finished_run: Finished) -> None:
    for variant in VARIANTS:
        vectors = finished_run[0].read(f"{variant}/track_vectors")
        for column in (vectors["audio"], vectors["lyrics"].drop_nulls()):
            np.testing.assert_allclose(np.linalg.norm(column.to_numpy(), axis=1), 1, atol=1e-5)


def test_song_without_lyrics_has_no_lyric_vector(finished_run: Finished) -> None:
    workspace = finished_run[0]
    without = workspace.read("lyrics").filter(pl.col("status") != "ok")
    vectors = workspace.read("wns/track_vectors").join(without, on="track_id", how="semi")
    assert vectors.height > 0
    assert vectors["lyrics"].null_count() == vectors.height


def test_metrics_have_every_method_with_chance_oracle_and_interval(finished_run: Finished) -> None:
    metrics = finished_run[0].read("metrics")
    methods = {"random", "mfcc", "lyrics", "ns_audio", "ns_fused", "wns_audio", "wns_fused"}
    assert set(metrics["variant"].unique()) == methods
    assert set(metrics["protocol"].unique()) == {"unfiltered", "artist_filtered"}
    rated = metrics.filter(pl.col("metric").str.ends_with("_at_10"))
    inside = (rated["ci_low"] <= rated["value"]) & (rated["value"] <= rated["ci_high"])
    assert inside.all()
    assert (rated["chance"] <= rated["oracle"]).all()


def test_second_run_computes_nothing(run_copy: Workspace) -> None:
    summary = _run(run_copy)
    assert (summary.embedded, summary.unchanged, summary.upserted) == (0, 44, 0)


def test_second_run_keeps_the_model(run_copy: Workspace) -> None:
    before = ModelFiles(run_copy.model("wns")).export()
    _run(run_copy)
    assert ModelFiles(run_copy.model("wns")).export() == before


def test_one_changed_recording_embeds_one_song(run_copy: Workspace) -> None:
    paths = sorted((run_copy.raw / "audio").rglob("*.flac"))
    shutil.copyfile(paths[0], paths[1])
    summary = _run(run_copy)
    assert (summary.embedded, summary.upserted) == (1, 1)


def _swap_two_recordings(workspace: Workspace) -> None:
    first, second = sorted((workspace.raw / "audio").rglob("*.flac"))[:2]
    content = first.read_bytes()
    # Shorter by some samples, so that neither recording was ever heard.
    samples, rate = soundfile.read(second)
    soundfile.write(first, samples[100:], rate)
    second.write_bytes(content)
    samples, rate = soundfile.read(second)
    soundfile.write(second, samples[100:], rate)


def _heard(workspace: Workspace) -> tuple[Ahead, PreparedFrames]:
    ahead = Ahead(workspace, ON_CPU, usable_encoders(workspace, ON_CPU))
    return ahead, prepare(run_of(workspace, config=ON_CPU), ahead)


class _Deaf:
    dim = SMALL_CONFIG.encoder.embedding_dim

    def embed_songs(self, songs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        assert not list(songs), "a song that was heard ahead is embedded again"
        return iter(())


def test_vectors_of_the_decoding_threads_are_taken_over_and_are_those_of_the_features(run_copy: Workspace) -> None:
    _swap_two_recordings(run_copy)
    ahead, frames = _heard(run_copy)
    inputs = (frames.segment_features, frames.lyric_embeddings)
    early = embed_variant(run_of(run_copy, config=ON_CPU), "wns", *inputs, _Deaf(), partial(ahead.vectors, "wns"))
    late = embed_variant(run_of(run_copy, config=ON_CPU), "wns", *inputs)
    assert early.embedded == late.embedded == 2
    assert early.new.equals(late.new)


def test_a_night_embeds_while_it_decodes(run_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    _swap_two_recordings(run_copy)
    monkeypatch.setattr(OnnxEncoder, "embed_songs", _Deaf.embed_songs)
    summary = refresh(run_of(run_copy, config=ON_CPU, publish_anyway=True))
    assert (summary.embedded, summary.upserted) == (2, 2)


def test_a_night_with_a_new_recording_never_imports_torch(run_copy: Workspace) -> None:
    _swap_two_recordings(run_copy)
    program = (
        "import sys; from simsong_pipeline.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code in (0, 3), end\n"  # 3: planted files cannot be read
        "print([name for name in ('torch', 'torchaudio', 'transformers') if name in sys.modules])"
    )
    arguments = ["refresh", "--home", str(run_copy.home), "--publish-anyway", "--json"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    summary, imported = done.stdout.splitlines()
    assert (json.loads(summary)["embedded"], imported) == (2, "[]")


def test_a_night_without_the_models_features_stops_before_any_work(run_copy: Workspace) -> None:
    _swap_two_recordings(run_copy)
    before = {p: p.stat().st_mtime_ns for p in (run_copy.home / "features").iterdir()}
    config = ON_CPU.model_copy(update={"segments": SegmentConfig(seconds=3)})
    with pytest.raises(ModelError, match="other segments settings"):
        refresh(run_of(run_copy, config=config))
    assert {p: p.stat().st_mtime_ns for p in (run_copy.home / "features").iterdir()} == before


def test_another_models_vectors_are_not_taken(run_copy: Workspace) -> None:
    _swap_two_recordings(run_copy)
    assert not _heard(run_copy)[0].vectors("wns", "of a model that was trained meanwhile")


def test_recording_with_another_date_is_not_embedded(run_copy: Workspace) -> None:
    sorted((run_copy.raw / "audio").rglob("*.flac"))[0].touch()
    assert not _heard(run_copy)[0].vectors("wns", ModelFiles(run_copy.model("wns")).export().model_version)


def test_changed_lyrics_embed_one_song(run_copy: Workspace) -> None:
    ok = run_copy.read("lyrics").filter(pl.col("status") == "ok")["track_id"]
    embedded = run_copy.read("wns/track_vectors")["track_id"]
    track_id = sorted(set(ok) & set(embedded))[0]
    path = next((run_copy.raw / "lyrics").rglob(f"{track_id}.json"))
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"text": "Another song about the winter and the snow"}))
    summary = _run(run_copy)
    assert (summary.embedded, summary.upserted) == (1, 1)


def test_changed_tag_is_written_without_embedding(run_copy: Workspace) -> None:
    import sqlite3

    with sqlite3.connect(run_copy.raw / "lastfm/lastfm_tags.db") as connection:
        connection.execute("UPDATE tags SET tag = 'renamed' WHERE ROWID = 1")
    connection.close()
    summary = _run(run_copy)
    assert summary.embedded == 0
    assert 0 < summary.upserted < 44


@pytest.mark.slow
def test_retraining_makes_a_new_collection_and_moves_the_alias(run_copy: Workspace) -> None:
    with run_copy.store(SMALL_CONFIG.store) as store:
        before = store.aliases()
    config = SMALL_CONFIG.model_copy(update={"train": SMALL_CONFIG.train.model_copy(update={"seed": 9})})
    summary = run(run_of(run_copy, config=config, publish_anyway=True))
    with run_copy.store(SMALL_CONFIG.store) as store:
        after = store.aliases()
    assert summary.embedded == 44
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_corrupt_track_file_is_listed_and_the_run_goes_on(run_copy: Workspace) -> None:
    (run_copy.raw / "msd/data/TRBROKEN.h5").write_bytes(b"not HDF5")
    summary = _run(run_copy)
    assert summary.tracks == 49
    assert "TRBROKEN.h5 is not a readable" in summary.unreadable[0]
    assert "TRBROKEN" in run_copy.read("exclusions")["track_id"].to_list()


def test_vectors_no_better_than_chance_are_not_indexed(run_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Verdict(Outcome.NOT_ABOVE, 0.1, 0.0, 0.1, "Recall@10 is not above chance")
    monkeypatch.setattr("simsong_pipeline.stages.evaluation_stage.quality_of", lambda *_: failed)
    shutil.rmtree(run_copy.home / "qdrant")
    with pytest.raises(UnprovenError, match="--publish-anyway"):
        run(run_of(run_copy))
    assert not (run_copy.home / "qdrant").exists()


def test_model_that_was_not_evaluated_is_not_published(run_copy: Workspace) -> None:
    (run_copy.model("wns") / "quality.json").unlink()
    names = ("tracks", "audio", "descriptions", "lyrics", "lastfm_tags")
    frames = IndexFrames(*[run_copy.read(name) for name in names])
    with pytest.raises(EvaluationError, match="was not evaluated"):
        publish_variant(run_of(run_copy), "wns", in_memory(run_copy.read("wns/track_vectors")), frames)


@pytest.mark.parametrize("folder", ["audio", "lyrics"])
def test_folder_that_went_empty_costs_nothing(run_copy: Workspace, folder: str) -> None:
    before = run_copy.read("wns/track_vectors")
    shutil.rmtree(run_copy.raw / folder)
    (run_copy.raw / folder).mkdir()
    with pytest.raises(RawDataError, match="--accept-shrink"):
        _run(run_copy)
    assert len(list((run_copy.home / "features").glob("*.f16"))) > 1
    assert run_copy.read("wns/track_vectors").equals(before)


def test_changed_front_end_is_refused_by_the_present_model(run_copy: Workspace) -> None:
    config = SMALL_CONFIG.model_copy(update={"segments": SegmentConfig(seconds=3)})
    features, lyrics = run_copy.read("segment_features"), run_copy.read("lyric_embeddings")
    with pytest.raises(ModelError, match="other segments settings"):
        embed_variant(run_of(run_copy, config=config), "wns", features, lyrics)


@pytest.mark.slow
def test_older_collections_are_dropped_and_one_is_kept_for_going_back(run_copy: Workspace) -> None:
    for seed in (7, 8):
        config = SMALL_CONFIG.model_copy(update={"train": SMALL_CONFIG.train.model_copy(update={"seed": seed})})
        run(run_of(run_copy, config=config, publish_anyway=True))
    with run_copy.store(SMALL_CONFIG.store) as store:
        assert store.ping() == 4


def test_old_leftovers_of_killed_processes_go_wherever_they_are_and_young_ones_stay(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    names = [".a.part", "frames/ns/.b.part", "edge/.CURRENT.b.part", "published/simsong/.h.part", "features/.d.part"]
    old = [tmp_path / name for name in (*names, ".raw.e.part/deep/file")]
    young = [tmp_path / name for name in ("frames/.c.part", ".raw.f.part/deep/file", "raw/.mine.part")]
    for path in (*old, *young):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    before = (NOW - timedelta(hours=2)).timestamp()
    for path in (*old, tmp_path / ".raw.e.part/deep", tmp_path / ".raw.e.part", tmp_path / "raw/.mine.part"):
        os.utime(path, (before, before))
    for path in (tmp_path / ".raw.f.part", tmp_path / ".raw.f.part/deep"):  # another process writes deep inside
        os.utime(path, (before, before))
    workspace.clear_unfinished(NOW)
    assert not any(path.exists() for path in old)
    assert not (tmp_path / ".raw.e.part").exists()
    assert all(path.exists() for path in young)


def test_damaged_frame_is_named(run_copy: Workspace) -> None:
    run_copy.frame_path("tracks").write_bytes(b"damaged")
    with pytest.raises(RawDataError, match=r"tracks\.parquet is damaged"):
        run_copy.read("tracks")


def test_evaluation_refuses_artists_that_were_trained_on(run_copy: Workspace) -> None:
    splits = run_copy.read("splits").with_columns(
        pl.lit("test").cast(pl.Enum(["train", "validation", "test"])).alias("split")
    )
    run_copy.write("splits", splits)
    with pytest.raises(EvaluationError, match="was trained or validated on"):
        evaluate_again(run_copy, SMALL_CONFIG, QUIET)


def test_evaluating_again_gives_the_same_figures(run_copy: Workspace) -> None:
    before = run_copy.read("metrics")
    assert evaluate_again(run_copy, SMALL_CONFIG, QUIET).equals(before)


def test_damaged_model_is_named(run_copy: Workspace) -> None:
    (run_copy.model("wns") / "encoder.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"encoder\.safetensors is missing or damaged"):
        _run(run_copy)


def test_exchanged_onnx_file_is_not_used(run_copy: Workspace) -> None:
    shutil.copyfile(run_copy.model("ns") / "encoder.onnx", run_copy.model("wns") / "encoder.onnx")
    with pytest.raises(ModelError, match="is not the file that was exported"):
        _run(run_copy)


def test_home_serves_one_run_at_a_time(run_copy: Workspace) -> None:
    with run_copy.lock(), pytest.raises(BusyError, match="is in use by"):
        _run(Workspace(run_copy.home, wait_s=0))


def test_home_without_data_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match="simsong sample"):
        _run(Workspace(tmp_path))


def test_similar_songs_come_from_the_index(finished_run: Finished) -> None:
    workspace = finished_run[0]
    track_id = workspace.read("wns/track_vectors")["track_id"][0]
    with workspace.store(SMALL_CONFIG.store) as store:
        answer = Songs(workspace, store, SMALL_CONFIG).similar([track_id], Choice(5))
    assert len(answer.neighbours) == 5
    assert track_id not in [n.track_id for n in answer.neighbours]
    scores = [n.score for n in answer.neighbours]
    assert scores == sorted(scores, reverse=True)


def test_empty_index_says_what_to_do(run_copy: Workspace) -> None:
    shutil.rmtree(run_copy.home / "qdrant")
    track_id = run_copy.read("wns/track_vectors")["track_id"][0]
    with (
        run_copy.store(SMALL_CONFIG.store) as store,
        pytest.raises(RawDataError, match="nothing is indexed yet"),
    ):
        Songs(run_copy, store, SMALL_CONFIG).similar([track_id], Choice(5))


@pytest.mark.parametrize("kept", [True, False])
def test_payload_holds_lyrics_only_where_wanted(run_copy: Workspace, kept: bool) -> None:
    config = SMALL_CONFIG.model_copy(update={"store": SMALL_CONFIG.store.model_copy(update={"lyrics_text": kept})})
    run(run_of(run_copy, config=config, publish_anyway=True))
    ok = run_copy.read("lyrics").filter(pl.col("status") == "ok")["track_id"]
    with run_copy.store(config.store) as store:
        track_id = next(t for t in run_copy.read("wns/track_vectors")["track_id"] if t in set(ok))
        payload = Songs(run_copy, store, config).similar([track_id], Choice(40)).neighbours[0].payload
    assert ("lyrics" in payload) == kept
    fields = {"title", "artist", "release", "year", "duration_s", "language", "lyrics_excerpt", "tags", "embedded_at"}
    assert fields <= set(payload)


def test_report_needs_no_other_file(finished_run: Finished) -> None:
    page = finished_run[0].report.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") >= 5
    assert page.count("<svg") == 1
    assert "http://" not in page
    assert "https://" not in page
    assert "chance" in page


@pytest.mark.slow
def test_manifest_is_a_catalogue_of_its_own(sample_raw: Path, tmp_path: Path) -> None:
    songs = read_description(sample_raw)["songs"]
    files = sorted((sample_raw / "audio").rglob("*.ogg"))
    rows = ["path,artist,title,genre"]
    rows += [f"{p},artist {n % 6},song {n},style {songs[p.stem]['style']}" for n, p in enumerate(files)]  # type: ignore[index]
    manifest = tmp_path / "songs.csv"
    manifest.write_text("\n".join(rows), encoding="utf-8")
    config = SMALL_CONFIG.model_copy(
        update={"evaluation": SMALL_CONFIG.evaluation.model_copy(update={"relevance": "artist"})}
    )
    workspace = Workspace(tmp_path / "home")
    summary = run(run_of(workspace, SourceConfig(manifest=manifest), config, publish_anyway=True))
    assert (summary.tracks, summary.embedded) == (len(files), len(files))
    assert set(workspace.read("metrics")["protocol"].unique()) == {"unfiltered"}
