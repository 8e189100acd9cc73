"""What is known of each track's lyrics after asking a provider: one JSON file a track, written whole.

The same files are read as raw lyrics pages (`lyric_tree`), so what was fetched is used without another step.
"""

import json
from dataclasses import asdict
from pathlib import Path

import polars as pl

from simsong_pipeline.files import write_json
from simsong_pipeline.sources.web.genius import Found

PROVIDER = "genius"
# Asking again would not change these.
SETTLED = frozenset({"OK", "NOT_FOUND", "INSTRUMENTAL"})
COLUMNS = ("track_id", "status", "matched", "likeness", "runner_up", "reason")


class LyricState:
    """The files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, track_id: str) -> Path:
        """One folder for each third character, as the data set's own tree has it."""
        return self._folder / track_id[2:3] / f"{track_id}.json"

    def write(self, track_id: str, found: Found) -> None:
        """Replace what is known of the track."""
        write_json(self.path(track_id), {"track_id": track_id, "provider": PROVIDER, **asdict(found)})

    def table(self, track_ids: list[str]) -> pl.DataFrame:
        """Columns `COLUMNS`; status is null for a track that was not asked for yet."""
        rows = [
            (track_id, *(record.get(c) for c in COLUMNS[1:]))
            for track_id in track_ids
            for record in [self._read(track_id)]
        ]
        kinds = (pl.String, pl.String, pl.String, pl.Float64, pl.Float64, pl.String)
        return pl.DataFrame(rows, schema=dict(zip(COLUMNS, kinds, strict=True)), orient="row")

    def _read(self, track_id: str) -> dict[str, object]:
        path = self.path(track_id)
        if not path.is_file():
            return {}
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return {"reason": "its file is damaged and will be fetched again"}
        return record if isinstance(record, dict) else {}
