"""What all faces share: the home, its newest snapshot, keys and settings. Each face's routes are made from it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.asker import Asker
from simsong_pipeline.service.home_state import file_state
from simsong_pipeline.service.kept_files import ChangeLock
from simsong_pipeline.service.keys import Keys, keys_for
from simsong_pipeline.service.likes import LikesFile
from simsong_pipeline.service.metrics import ServiceMetrics
from simsong_pipeline.service.playlists import Playlists
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.recordings import Recordings, roots_of
from simsong_pipeline.service.serving_folder import serving_folder
from simsong_pipeline.service.sessions import Sessions
from simsong_pipeline.service.settings import ServiceSettings
from simsong_pipeline.service.snapshots import Snapshots


@dataclass(frozen=True)
class Service:
    """One home, served.

    Attributes:
        folder: where copies and sessions lie, which all processes of the service share.
        changing: held while the list of what is never suggested is read and written.
    """

    workspace: Workspace
    settings: ServiceSettings
    keys: Keys
    snapshots: Snapshots
    asker: Asker
    recordings: Recordings
    likes: LikesFile
    playlists: Playlists
    metrics: ServiceMetrics
    folder: Path
    changing: ChangeLock

    def never_state(self) -> object:
        """Another value as soon as the list of what is never suggested changes, which every answer depends on."""
        return file_state(f"{self.workspace.home}/never.txt")

    def refuse_writing(self) -> None:
        """Call before anything below the home is changed.

        Raises:
            ProblemError: the service was started to read alone.
        """
        if self.settings.read_only:
            raise ProblemError(403, "read-only", "this service only reads: it was started with --read-only")


@contextmanager
def opened_service(
    workspace: Workspace,
    settings: ServiceSettings,
    qdrant_url: str | None = None,
    wait_s: float | None = None,
    folder: Path | None = None,
) -> Iterator[Service]:
    """A service whose first snapshot is taken; its copies are deleted at the end.

    Args:
        wait_s: for an index that a night holds; null for the workspace's patience.
        folder: of the service that this process answers for as well; null for a folder of its own.

    Raises:
        SimSongError: nothing is indexed; the address needs a key; a night held the index too long.
    """
    keys = keys_for(settings.host)
    workspace.read("tracks")  # says so before anything is made
    with serving_folder(workspace.home / "serving") if folder is None else nullcontext(folder) as own:
        metrics = ServiceMetrics()
        snapshots = Snapshots(workspace, own, qdrant_url, settings, metrics.timed)
        snapshots.open(workspace.patience_s if wait_s is None else wait_s)
        try:
            asker = Asker(snapshots, settings.threads)
            recordings, kept = Recordings(roots_of(workspace)), (LikesFile(workspace), Playlists(workspace), metrics)
            known = keys.with_sessions(Sessions(own / "sessions"))
            changing = ChangeLock(workspace.home / "kept" / "never.txt")
            yield Service(workspace, settings, known, snapshots, asker, recordings, *kept, own, changing)
        finally:
            snapshots.close_now()
