"""Which raw data a command means that only looks at tracks, and the command that goes on with them."""

import shlex
from pathlib import Path

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.remote.local_copy import home_name
from simsong_pipeline.sources.audio_tree import SUFFIXES
from simsong_pipeline.sources.music_folders import files_below
from simsong_pipeline.sources.raw_folder import RawFolder
from simsong_pipeline.sources.remote_raw_folder import RemoteRawFolder
from simsong_pipeline.sources.source import SourceConfig, source_at


def source_of_tracks(workspace: Workspace, raw: Path | str | None, is_filled: bool = True) -> RawFolder:
    """The raw data of tracks that are only looked at: those that are named, else those of the home's last run.

    Args:
        is_filled: what is fetched is to be written there, so that an address will not do.

    Raises:
        RawDataError: that run read a manifest or a music folder.
    """
    return raw_folder_of(workspace.load_source() if raw is None else source_at(raw), workspace, is_filled)


def raw_folder_of(source: SourceConfig, workspace: Workspace, is_filled: bool = True) -> RawFolder:
    """The source as a folder of tracks.

    Raises:
        RawDataError: it is a manifest or a music folder.
    """
    other = source.manifest or source.library or source.manifest_url
    if other is not None:
        raise RawDataError(
            f"the last run of {workspace.home} read {other}, which is no raw data of tracks and similarity: name a "
            "folder with msd/ and lastfm/ by --raw"
        )
    if source.raw_url is None:
        return RawFolder(source, workspace.raw, workspace)
    if is_filled:
        raise RawDataError(f"nothing is fetched into raw data at an address ({source.raw_url}): name a folder by --raw")
    return RemoteRawFolder(source, source.raw_url, workspace)


def run_command(workspace: Workspace, source: RawFolder) -> str | None:
    """The command that runs the pipeline on the raw data, null while they have neither recordings nor features.

    They are named where a run would read others by itself.
    """
    before, folder = workspace.load_source(), source.folder
    if not files_below(folder / "audio", SUFFIXES) and not source.has_events:
        return None
    others = before.manifest or before.library or before.manifest_url or before.raw_url
    is_known = not others and (before.raw or workspace.raw).resolve() == folder.resolve()
    named = [] if is_known else ["--raw", str(folder)]
    return shlex.join(["simsong", "run", "--home", home_name(workspace.home), *named])
