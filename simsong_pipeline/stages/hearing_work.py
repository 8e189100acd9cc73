"""The work of a bucket's recordings: decode, hear and keep them. No torch here: any machine can do it."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.feature_store import AudioFrames, BucketRows, BucketTasks, FeatureStore
from simsong_pipeline.audio.preparation import AudioTask, Hearing, PreparedAudio, SensedAudio, heard, sense, unusable
from simsong_pipeline.buckets import USUAL, Buckets
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.engines.engine import Engine, Progress, Worker
from simsong_pipeline.errors import UNREAD
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.fence import Fence
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.home.workspace import Workspace

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Turn:
    """The number that a run works under: its workers write nothing once another run has begun."""

    fence: Fence
    run: str
    token: int

    def check(self) -> None:
        """Raises StaleRunError."""
        self.fence.check(self.run, self.token)


@dataclass(frozen=True)
class HearBucket:
    """See `engines.engine.BucketFunction`: the rows of a bucket, whose features it writes.

    Attributes:
        folder: of the features.
        present: how many buckets there are once one is held, which another process may have split.
        turn: null for a worker that works for no run.
        hear: called with each recording that is prepared, in any thread; only where memory is shared.
    """

    folder: Path
    config: PipelineConfig
    wait_s: float
    buckets: Buckets = USUAL
    present: Callable[[], Buckets] | None = None
    turn: Turn | None = None
    hear: Hearing | None = None

    def store(self) -> FeatureStore:
        """What it writes to."""
        return FeatureStore(self.folder, feature_format(self.config), self.wait_s, self.buckets, self.present)

    def open(self, worker: Worker) -> Callable[[BucketTasks], BucketRows]:
        """Bodies are loaded with the first recording."""
        listener = open_listener(self.config, Events(worker.note, lambda *_: None, worker.note))
        store = self.store()

        def finished(sensed: SensedAudio) -> PreparedAudio:
            result = heard(sensed, listener)
            if result.status != "ok":
                _log.info("left out: %s", result.reason, extra={"track_id": result.task.track_id})
            if self.hear is not None:
                self.hear(result)
            return result

        def prepared(tasks: Sequence[AudioTask]) -> Iterator[PreparedAudio]:
            if not tasks:
                return iter(())
            first = partial(sense, audio=self.config.audio, front_end=listener.front_end)
            # Of aggregates the rows of one come together, which is open then.
            return worker.map_songs(first, finished, lost, sorted(tasks, key=lambda task: task.path))

        may_publish = self.turn.check if self.turn is not None else _nothing
        return lambda job: store.refresh_bucket(job, self.config.audio, prepared, may_publish)


def hearing_of(
    workspace: Workspace, config: PipelineConfig, turn: Turn | None = None, hear: Hearing | None = None
) -> HearBucket:
    """The function that hears a home's recordings."""
    folder, number = workspace.features_folder, workspace.bucket_number
    return HearBucket(folder, config, workspace.patience_s, number.present(), number.present, turn, hear)


def hear_all(
    function: HearBucket,
    engine: Engine,
    tasks: Sequence[AudioTask],
    buckets: Sequence[int] | None,
    progress: Progress,
    wanted: Collection[str] = (),
) -> AudioFrames:
    """The frames of these buckets, once all that is new or changed in them was heard.

    Args:
        tasks: all recordings of these buckets, and of no others.
        buckets: all where null.
        wanted: songs that are heard again where their features were let go of.
    """
    look = function.store().look(tasks, function.config.audio, buckets, wanted)
    with closing(engine.map_buckets(function, look.jobs, progress)) as done:
        return look.frames(done)


def lost(task: AudioTask, how: str) -> PreparedAudio:
    """Tried again by the next run, which may run on another machine."""
    return unusable(task, "invalid", f"{UNREAD}: {how}: {task.path}")


def _nothing() -> None:
    """For whom nobody can overtake."""
