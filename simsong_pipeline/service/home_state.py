"""Whether a home is as it was: by the times of the files that a night changes, a few of which are looked at."""

import os
from collections.abc import Iterable
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

    @property
    def newest_ns(self) -> int:
        """When a frame changed last."""
        return max((state[0] for state in self.frames if state), default=0)

    def is_settled(self, now_ns: int) -> bool:
        """Whether no frame changed in the last half minute."""
        return now_ns - self.newest_ns > _SETTLED_NS


def home_state(workspace: Workspace, config: PipelineConfig) -> HomeState:
    """The present states: a dozen looks at files, a few hundredths of a millisecond."""
    home, model = workspace.home, workspace.model(config.serve)
    index = embedded_index(config.store, home)
    files = [home / "config.json", workspace.rollback_intent, model / "export.json", model / "training.json"]
    files += [] if index is None else [index.aliases_file]
    frames = (workspace.frame_path(name) for name in FRAMES)
    return HomeState(_states([*files, *_records(home / "published")]), _states(map(_file_of, frames)))


def _records(folder: Path) -> list[Path]:
    """What says that a collection holds what it should; see `stages.published`."""
    try:
        return [folder / name / "published.json" for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def _file_of(frame: Path) -> Path:
    return frame if frame.suffix else frame / "manifest.json"


def _states(paths: Iterable[Path]) -> tuple[_State, ...]:
    return tuple(_state(path) for path in paths)


def _state(path: Path) -> _State:
    """Time of change, size and number; null where there is no such file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
