"""Whether a home is as it was: by the times of the files that a night changes, a few of which are looked at."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.stores.copying import embedded_index

# What answers are made of besides the index; the last is what the lists of frames in buckets are called.
FRAMES = ("tracks", "audio", "exclusions", "lastfm_tags", "descriptions", "youtube_audio", "lyrics")
# Frames that change without the index: after so long nobody is in the midst of writing them.
_SETTLED_NS = 30_000_000_000
_State = tuple[int, int, int] | None


@dataclass(frozen=True)
class HomeState:
    """The states of the files that say what is published, and of the frames."""

    published: tuple[_State, ...]
    frames: tuple[_State, ...]

    def is_settled(self, now_ns: int) -> bool:
        """Whether no frame changed in the last half minute."""
        return now_ns - max((state[0] for state in self.frames if state), default=0) > _SETTLED_NS


class HomeWatch:
    """Looks at a home's files; each request does, so paths are made once."""

    def __init__(self, workspace: Workspace, config: PipelineConfig) -> None:
        home, index = workspace.home, embedded_index(config.store, workspace.home)
        # Not the model's: a run replaces it long before the index that it made.
        files = [home / "config.json", workspace.rollback_intent]
        self._files = [str(path) for path in (*files, *([] if index is None else [index.aliases_file]))]
        self._frames = [str(_file_of(workspace.frame_path(name))) for name in FRAMES]
        self._records = str(home / "published")

    def state(self) -> HomeState:
        """The present one: some fifteen looks, a few hundredths of a millisecond."""
        return HomeState(_states([*self._files, *_records(self._records)]), _states(self._frames))


def _records(folder: str) -> list[str]:
    """What says that a collection holds what it should; see `stages.published`."""
    try:
        return [f"{folder}/{name}/published.json" for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def _file_of(frame: Path) -> Path:
    return frame if frame.suffix else frame / "manifest.json"


def _states(paths: Sequence[str]) -> tuple[_State, ...]:
    return tuple(map(file_state, paths))


def file_state(path: str | Path) -> _State:
    """Time of change, size and number; null where there is no such file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
