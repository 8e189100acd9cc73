"""Variants whose encoder is one file: each song is embedded once, and what another file made is not taken over."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from conftest import SMALL_CONFIG, run_of

from simsong_pipeline.audio.preparation import AudioTask, PreparedAudio
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.runs.ahead import Ahead, usable_encoders
from simsong_pipeline.stages.embedding_stage import embed_variant
from simsong_pipeline.stages.evaluation_stage import Gallery, song_vectors, variant_scores


class _Counting:
    """Unit vectors that no encoder makes, and how many were asked for."""

    def __init__(self, dim: int) -> None:
        self.dim, self.asked = dim, 0

    def embed_songs(self, songs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for _ in songs:
            self.asked += 1
            yield np.eye(1, self.dim, dtype=np.float32)[0]


def _make_twins(home: Workspace) -> None:
    """WNS gets the file of NS, in a version of its own, so that all of its vectors are to be made."""
    ns, wns = (ModelFiles(home.model(variant)) for variant in ("ns", "wns"))
    shutil.copyfile(ns.onnx, wns.onnx)
    wns.write_export(replace(ns.export(), model_version="of-wns"))


def _embedded(home: Workspace, features: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    counting = _Counting(len(home.read("ns/track_vectors")["audio"][0]))
    made = embed_variant(run_of(home), "wns", features, home.read("lyric_embeddings"), counting)
    return made.new, counting.asked


def test_songs_that_a_twin_has_embedded_are_not_embedded_again(run_copy: Workspace) -> None:
    _make_twins(run_copy)
    new, asked = _embedded(run_copy, run_copy.read("segment_features"))
    known = run_copy.read("ns/track_vectors").sort("track_id")
    assert asked == 0
    assert new["track_id"].to_list() == known["track_id"].to_list()
    np.testing.assert_array_equal(new["audio"].to_numpy(), known["audio"].to_numpy())
    assert set(new["model_version"]) == {"of-wns"}


def test_songs_that_have_changed_since_are_embedded(run_copy: Workspace) -> None:
    _make_twins(run_copy)
    features = run_copy.read("segment_features")
    changed = pl.col("track_id").is_in(features["track_id"].head(3).to_list())
    other = pl.when(changed).then(pl.concat_str(pl.lit("other-"), "track_id")).otherwise("audio_sha256")
    _, asked = _embedded(run_copy, features.with_columns(other.alias("audio_sha256")))
    assert asked == 3


def test_another_encoder_embeds_all_songs_itself(run_copy: Workspace) -> None:
    wns = ModelFiles(run_copy.model("wns"))
    wns.write_export(replace(wns.export(), model_version="of-wns"))
    features = run_copy.read("segment_features")
    assert _embedded(run_copy, features)[1] == features.height


def test_vectors_of_a_twin_s_earlier_model_are_not_taken(run_copy: Workspace) -> None:
    _make_twins(run_copy)
    ns = ModelFiles(run_copy.model("ns"))
    ns.write_export(replace(ns.export(), model_version="a-later-one"))
    features = run_copy.read("segment_features")
    assert _embedded(run_copy, features)[1] == features.height


@pytest.mark.parametrize(("twins", "calls"), [(True, 1), (False, 2)])
def test_a_recording_is_heard_once_by_twins(
    run_copy: Workspace, monkeypatch: pytest.MonkeyPatch, twins: bool, calls: int
) -> None:
    if twins:
        _make_twins(run_copy)
    encoders = usable_encoders(run_copy, SMALL_CONFIG)
    counted: list[int] = []
    real = OnnxEncoder.embed_song

    def counting(self: OnnxEncoder, segments: np.ndarray) -> np.ndarray:
        counted.append(len(segments))
        return real(self, segments)

    monkeypatch.setattr(OnnxEncoder, "embed_song", counting)
    ahead = Ahead(run_copy, SMALL_CONFIG, encoders)
    ahead.hear(_new_recording(run_copy))
    assert len(counted) == calls
    versions = {v: ModelFiles(run_copy.model(v)).export().model_version for v in encoders}
    first, second = (ahead.vectors(v, version)["new"] for v, version in versions.items())
    assert np.array_equal(first, second) == twins


def _new_recording(home: Workspace) -> PreparedAudio:
    known = home.read("segment_features")
    features = home.features(SMALL_CONFIG).reader(known)[known["track_id"][0]]
    task = AudioTask("new", "new.flac", 1, 1, None)
    return PreparedAudio(task, 16_000, 5.0, "new", "ok", None, features)


def test_twins_share_their_scores_and_others_have_their_own(run_copy: Workspace) -> None:
    workspace, ids = run_copy, run_copy.read("ns/track_vectors")["track_id"].sort().to_list()
    record = ModelFiles(workspace.model("ns")).training()
    vectors = song_vectors(workspace.read("ns/track_vectors"), ids)
    assert record is not None
    changed = {
        "same": (vectors, record),
        "weight": (vectors, replace(record, audio_weight=record.audio_weight / 2 + 0.1)),
        "audio": (replace(vectors, audio=-vectors.audio), record),
        "lyrics": (replace(vectors, lyrics=-vectors.lyrics), record),
    }
    shared = set()
    for name, (other, its_record) in changed.items():
        gallery = Gallery(ids, {"ns": vectors, "wns": other}, {}, {"ns": record, "wns": its_record})
        scores = {method.name: method.scores for method in variant_scores(gallery)}
        assert list(scores) == ["ns_audio", "ns_fused", "wns_audio", "wns_fused"]
        if scores["ns_fused"] is scores["wns_fused"]:
            shared.add(name)
    assert shared == {"same"}
