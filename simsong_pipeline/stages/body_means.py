"""What a body's start hears of songs: kept where the songs' frames are let go of, so that none is decoded to be judged.

Three kilobytes a song and body in place of two megabytes.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.feature_format import trains_body
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.hearing import body_features
from simsong_pipeline.home.song_features import SongFeatures
from simsong_pipeline.home.workspace import Workspace

_FRAME = "body_means"
_HEARD = ("track_id", "audio_sha256", "front_end")
_Key = tuple[str, ...]


def body_means(
    workspace: Workspace, track_ids: Sequence[str], config: PipelineConfig, remember: bool
) -> NDArray[np.float32]:
    """The body's features [songs, channels] of songs of the home.

    Args:
        remember: whether those that had to be computed are kept; those of songs that changed or left then go.

    Raises:
        AudioError: a song has neither frames nor means, and cannot be heard again.
        BusyError: they are to be kept, and another process holds the home.
    """
    keys: dict[str, _Key] = {row[0]: row for row in workspace.read("segment_features").select(_HEARD).rows()}
    known = _known(workspace) if trains_body(config) else {}
    lacking = [t for t in track_ids if keys[t] not in known]
    if lacking:
        features, features_of = SongFeatures(workspace, config), body_features(config)
        known |= {keys[t]: features_of(features[t]) for t in lacking}
        if remember and trains_body(config):
            _remember(workspace, {key: mean for key, mean in known.items() if keys.get(key[0]) == key})
    return np.stack([known[keys[t]] for t in track_ids])


def _known(workspace: Workspace) -> dict[_Key, NDArray[np.float32]]:
    before = workspace.read_if_there(_FRAME)
    return {} if before is None else dict(zip(before.select(_HEARD).rows(), before["mean"].to_numpy(), strict=True))


def _remember(workspace: Workspace, means: dict[_Key, NDArray[np.float32]]) -> None:
    values = np.stack(list(means.values())).astype(np.float32)
    frame = pl.DataFrame(list(means), schema=list(_HEARD), orient="row")
    kind = pl.Array(pl.Float32, values.shape[1])
    with workspace.lock():
        workspace.write(_FRAME, frame.with_columns(pl.Series("mean", values, dtype=kind)))
