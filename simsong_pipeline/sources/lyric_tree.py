"""Reads the lyrics that an acquisition step left: one JSON file a track, named by its track id."""

import json
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.schemas import LYRIC_PAGES, conform
from simsong_pipeline.sources.counting import Progress, counted
from simsong_pipeline.sources.encodings import decoded, mended
from simsong_pipeline.sources.limits import LYRICS_BYTES, bounded_bytes
from simsong_pipeline.sources.music_folders import files_below


def read_lyric_tree(root: Path, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """All `*.json` below `root` as lyric pages; a file that cannot be read is a page of status UNREADABLE.

    Raises:
        RawDataError: `root` is not a folder.
    """
    if not root.is_dir():
        raise RawDataError(f"no such folder: {root}; it should hold one lyrics file a track, named TR….json")
    rows: list[tuple[str, str | None, str, str]] = []
    for path in counted(files_below(root, frozenset({".json"})), progress):
        try:
            rows.append(_parse(path))
        except (ValueError, KeyError, TypeError, OSError, RecursionError):
            rows.append((path.stem, None, "file", "UNREADABLE"))
    schema = {name: pl.String for name in LYRIC_PAGES.columns}
    # A track may have been asked for twice: words go before the reason why there were none.
    frame = pl.DataFrame(rows, schema=schema, orient="row").sort(pl.col("status") != "OK", maintain_order=True)
    return conform(frame.unique(["track_id", "provider"], keep="first", maintain_order=True), LYRIC_PAGES)


def _parse(path: Path) -> tuple[str, str | None, str, str]:
    record = json.loads(decoded(bounded_bytes(path, LYRICS_BYTES)))
    text = record["text"]
    return (
        str(record["track_id"]),
        None if text is None else mended(_without_halves(str(text))),
        str(record["provider"]),
        str(record["status"]),
    )


def _without_halves(text: str) -> str:
    """Two halves of a character, as some programs escape it, are one; a half alone is none."""
    return text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="ignore")
