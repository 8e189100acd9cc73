"""What the interface shows of an asset beside its numbers: tables of the first rows, and speed."""

import time

import dagster as dg
import polars as pl

ROWS = 50


def table(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """The first rows as Markdown, with how many there are in all."""
    names = frame.columns
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.head(ROWS).rows()]
    more = [f"\n{frame.height - ROWS} more"] if frame.height > ROWS else []
    return dg.MetadataValue.md("\n".join([f"| {' | '.join(names)} |", "|---" * len(names) + "|", *lines, *more]))


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())


class Speed:
    """Songs a second since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def of(self, songs: int) -> float:
        """0 where there were none."""
        return round(songs / max(1e-9, time.monotonic() - self._started), 2) if songs else 0.0
