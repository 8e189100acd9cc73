"""A recording that is in no catalogue, as a point to ask with: decoded, heard and embedded by the served model."""

from pathlib import Path

from simsong_pipeline.audio.preparation import AudioTask, prepare
from simsong_pipeline.audio.segments import song_inputs
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import UnknownSongError
from simsong_pipeline.home.events import SILENT
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.served import load_encoder
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import SONG_VECTOR, Point, song_vector
from simsong_pipeline.stores.payloads import point_id


def foreign_song(workspace: Workspace, config: PipelineConfig, path: Path) -> Point:
    """The recording at a path by its audio; words that it may have count for nothing, as in a song without lyrics.

    Raises:
        UnknownSongError: it is no recording, or one that cannot be used.
        ModelError: the model is missing, or was made for other features than are configured.
    """
    listener = open_listener(config, SILENT)
    stat = path.stat()
    heard = prepare(AudioTask(str(path), str(path), stat.st_size, stat.st_mtime_ns, None), config.audio, listener)
    if heard.features is None:
        raise UnknownSongError(f"{path} cannot be asked with: {heard.reason}")
    audio = load_encoder(workspace, config.serve, config).embed_song(song_inputs(heard.features, config))
    lyric_dim = ModelFiles(workspace.model(config.serve)).whitening().projection.shape[1]
    payload = {"track_id": str(path), "title": path.stem, "artist": None}
    return Point(point_id(str(path)), {"audio": audio, SONG_VECTOR: song_vector(audio, None, lyric_dim)}, payload)
