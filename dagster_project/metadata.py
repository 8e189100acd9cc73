"""What the interface shows of an asset: how many songs it did, skipped and failed and why, its speed, and tables."""

import textwrap
import time
from collections.abc import Iterable, Mapping

import dagster as dg
import polars as pl

from simsong_pipeline.audio.copies import COPY
from simsong_pipeline.buckets import Buckets
from simsong_pipeline.runs.summary import RunSummary

ROWS = 50
MOST_BUCKETS = 64
_SHOWN = ("track_id", "reason", "path", "provider")
_LINE = 30
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
Shown = dict[str, int | float | dg.MarkdownMetadataValue]


class Speed:
    """Songs a second since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def of(self, songs: int) -> float:
        """0 where there were none."""
        return round(songs / max(1e-9, time.monotonic() - self._started), 2) if songs else 0.0


def outcome(verb: str, done: int, skipped: int, failed: pl.DataFrame, speed: Speed) -> Shown:
    """What every asset that works song by song tells, under the same keys.

    Args:
        verb: what it does with a song: the key under which `done` stands.
        skipped: songs that it had nothing to do for, because they did not change.
        failed: a row for each song that came to nothing, in this run or before, with its reason.
    """
    counts: Shown = {verb: done, "skipped": skipped, "failed": failed.height, "songs_per_s": speed.of(done)}
    return counts | ({"failures": table(failed)} if failed.height else {})


def by_bucket(
    buckets: Buckets, songs: Iterable[str], verb: str, done: Mapping[int, int], failed: Iterable[str]
) -> Shown:
    """Where the work and the failures of an asset lie: the buckets that have any, those that failed most at first.

    Args:
        songs: track ids of all that the asset holds.
        verb: as in `outcome`.
        done: how many songs of a bucket were worked on; a bucket of which there are none was not touched.
        failed: track ids of those that came to nothing.
    """
    there, lost = buckets.counts(songs), buckets.counts(failed)
    worked = {bucket: count for bucket, count in done.items() if count}
    rows = [(bucket, there[bucket], worked.get(bucket, 0), lost[bucket]) for bucket in worked.keys() | lost.keys()]
    rows.sort(key=lambda row: (-row[3], -row[2], row[0]))
    told: Shown = {"buckets_changed": len(worked)}
    frame = pl.DataFrame(rows, schema={name: pl.Int64 for name in ("bucket", "songs", verb, "failed")}, orient="row")
    return told | ({"by_bucket": table(frame, MOST_BUCKETS)} if rows else {})


def counts(summary: RunSummary) -> Shown:
    """What a catalogue holds, and the raw files that could not be read."""
    told: Shown = {
        "tracks": summary.tracks,
        "songs": summary.embedded + summary.unchanged,
        "excluded": summary.excluded,
        "copies": summary.copies,
        "unreadable": len(summary.unreadable),
    }
    lines = pl.DataFrame({"reason": summary.unreadable}, schema={"reason": pl.String})
    return told | ({"unreadable_files": table(lines)} if summary.unreadable else {})


def failures(rows: pl.DataFrame, done: pl.DataFrame) -> pl.DataFrame:
    """The rows (of audio or lyrics) of songs that are not in `done`, those that are merely missing last.

    A copy of another recording is none that failed.
    """
    lost = rows.join(done, on="track_id", how="anti").filter(~pl.col("reason").fill_null("").str.starts_with(COPY))
    return lost.sort(pl.col("status") == "missing", "track_id").select(n for n in _SHOWN if n in rows.columns)


def table(frame: pl.DataFrame, most: int = ROWS) -> dg.MarkdownMetadataValue:
    """The first rows as Markdown, with how many there are in all."""
    names = frame.columns
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.head(most).rows()]
    more = [f"\n{frame.height - most} more"] if frame.height > most else []
    return dg.MetadataValue.md("\n".join([f"| {' | '.join(names)} |", "|---" * len(names) + "|", *lines, *more]))


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
    # A browser would give a sentence beside a long path a column one word wide.
    words = " ".join(text.replace("|", "\\|").split())
    lines = textwrap.wrap(words, _LINE, break_long_words=False, break_on_hyphens=False)
    return " ".join(line.replace(" ", _NO_BREAK_SPACE) for line in lines)
