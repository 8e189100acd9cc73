"""Which song a file is."""

from pathlib import Path

from simsong_pipeline.audio.copies import copied_from
from simsong_pipeline.audio.event_place import playable
from simsong_pipeline.home.workspace import Workspace


def songs_by_path(workspace: Workspace) -> dict[str, str]:
    """Track id of each file; a copy that was left out counts as the recording that stayed."""
    rows = workspace.read("audio").select("track_id", playable(), "reason").drop_nulls("path").rows()
    at = {str(Path(path).resolve()): track_id for track_id, path, _ in rows}
    by_path = {path: track_id for track_id, path, _ in rows}
    for _, path, reason in rows:
        kept = copied_from(reason)
        if kept in by_path:
            at[str(Path(path).resolve())] = by_path[kept]
    return at
