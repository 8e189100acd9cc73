"""What plugins ask of a program that analyses on demand. SimSong does so by its nights, so there are no tasks."""

from typing import Any

from simsong_pipeline.service.audiomuse.parameters import Asked

NO_TASKS: dict[str, Any] = {}
NO_LAST_TASK: dict[str, Any] = {
    "task_id": None,
    "task_type": None,
    "status": "NO_PREVIOUS_MAIN_TASK",
    "details": {"log": ["SimSong listens by `simsong refresh`, and has no tasks."]},
}
NO_PLAYLISTS: dict[str, Any] = {}
HEALTHY = {"status": "ok"}
BY_NIGHTS = "SimSong listens to new music by `simsong refresh`, not on demand"


def no_such_task(asked: Asked) -> dict[str, Any]:
    """Of whatever id."""
    return {"task_id": str(asked.get("task_id", ""))[:100], "state": "UNKNOWN", "error": "there is no such task"}
