"""What is known of each track after asking a provider: one JSON file a track, written whole.

Lyrics' files are read as raw lyrics pages too (`lyric_tree`), so what was fetched is used without another step.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from simsong_pipeline.files import write_json

_KINDS = {"likeness": pl.Float64, "runner_up": pl.Float64, "duration_s": pl.Float64}


class ProviderState:
    """The files below a folder.

    Args:
        columns: of the files' fields, those that the table shows after track_id and status.
    """

    def __init__(self, folder: Path, provider: str, columns: tuple[str, ...]) -> None:
        self._folder, self._provider = folder, provider
        self._columns = ("track_id", "status", *columns)

    def path(self, track_id: str, suffix: str = ".json") -> Path:
        """One folder for each third character, as the data set's own tree has it."""
        return self._folder / track_id[2:3] / f"{track_id}{suffix}"

    def clear_unfinished(self) -> None:
        """Delete what a killed process was writing; nothing else may be asking the provider meanwhile."""
        for path in self._folder.glob("*/.*.part"):
            path.unlink(missing_ok=True)

    def write(self, track_id: str, record: Mapping[str, object]) -> None:
        """Replace what is known of the track."""
        write_json(self.path(track_id), {"track_id": track_id, "provider": self._provider, **record})

    def table(self, track_ids: list[str]) -> pl.DataFrame:
        """Status is null for a track that was not asked for yet."""
        rows = [
            (track_id, *(record.get(c) for c in self._columns[1:]))
            for track_id in track_ids
            for record in [self._read(track_id)]
        ]
        kinds = {name: _KINDS.get(name, pl.String) for name in self._columns}
        return pl.DataFrame(rows, schema=kinds, orient="row")

    def _read(self, track_id: str) -> dict[str, object]:
        path = self.path(track_id)
        if not path.is_file():
            return {}
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return {"reason": "its file is damaged and will be fetched again"}
        return record if isinstance(record, dict) else {}
