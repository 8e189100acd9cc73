"""Everything of a home looked at: its files, and the index song by song."""

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.index_verification import verify_index
from simsong_pipeline.runs.verification import Findings, known_config, verify_files


def verify_home(workspace: Workspace, qdrant_url: str | None, told: Events) -> Findings:
    """What is damaged. Nothing is changed.

    Raises:
        RawDataError: there was no run yet.
        BusyError: another run holds the home, and went on holding it.
    """
    if not (workspace.home / "frames").is_dir():
        raise RawDataError(f"nothing is known under {workspace.home} yet: run `simsong run` first")
    with workspace.lock():
        found = Findings()
        config = read_config(None, known_config(workspace, found), {"store.url": qdrant_url})
        told.stage("reading all files")
        verify_files(workspace, config, found, told.progress)
        told.stage("comparing the index")
        verify_index(workspace, config, found, told.progress)
    return found
