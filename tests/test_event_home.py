"""A home of songs that are known by events' features alone: trained, exported, indexed, measured and asked."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import run_of

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.audio.segments import song_inputs
from simsong_pipeline.config import EncoderConfig, EventConfig, InferenceConfig, PipelineConfig, TrainConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.home.song_features import SongFeatures
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.run import run
from simsong_pipeline.stages.encoders import read_encoder
from simsong_pipeline.stages.validation import embed_songs

CONFIG = PipelineConfig(
    encoder=EncoderConfig(kind="events", embedding_dim=24),
    events=EventConfig(body="transformer", span=16, spans=3, width=16, layers=1, steps=3),
    train=TrainConfig(batch_size=8, warmup_steps=1, device="cpu"),
    inference=InferenceConfig(provider="cpu"),
)


@pytest.mark.slow
def test_features_alone_are_enough_from_the_files_to_an_answer(features_raw: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    shutil.copytree(features_raw, workspace.raw)
    summary = run(run_of(workspace, config=CONFIG, publish_anyway=True))
    known = workspace.read("segment_features")["track_id"].sort().to_list()
    assert summary.embedded >= len(known) > 40
    files = ModelFiles(workspace.model("wns"))
    assert files.export().holds
    methods = set(workspace.read("metrics")["variant"].to_list())
    assert {"mfcc", "start_audio", "start_fused", "ns_fused", "wns_fused", "lyrics"} <= methods
    # What is served is what torch gives.
    features, encoder = SongFeatures(workspace, CONFIG), load_encoder(workspace, "wns", CONFIG)
    expected = embed_songs(read_encoder(files), features, known[:5], CONFIG)
    found = np.stack(list(encoder.embed_songs(song_inputs(features[t], CONFIG) for t in known[:5])))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    with workspace.store(CONFIG.store) as store:
        songs = Songs(workspace, store, CONFIG)
        _, _, reasons = songs.why(known[0], known[1])
    assert not reasons.unheard
    lengths = {round(end - at[0], 2) for at, (end, _) in zip(reasons.segments, reasons.segment_ends, strict=True)}
    assert all(0.5 < length < 20 for length in lengths)
    # Other spans make other vectors, so this model does not serve them.
    other = CONFIG.model_copy(update={"events": CONFIG.events.model_copy(update={"spans": 2})})
    with pytest.raises(ModelError, match="other segments settings"):
        load_encoder(workspace, "wns", other)
