"""What a person sees: progress and notes on standard error, results on standard output.

Titles, names and paths come from files that anybody may have made. All of them pass `shown` here before a terminal gets
them: nothing in them moves the cursor, begins a new line, or turns the reading direction.
"""

import json
import logging
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, OverflowMethod
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from simsong_pipeline.cli.json_events import logged_events
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.events import SILENT, Events
from simsong_pipeline.logs import is_json, log_as_json
from simsong_pipeline.redaction import without_secrets

_SHORTEST_ID = 8
_SHORT = 10
# Control characters and what is half of one, separators of lines, marks of direction.
_KINDS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_SUSPECT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def shown(text: str) -> str:
    """`text` as a terminal may have it: without secrets, and with escapes in place of what would steer the terminal."""
    return _SUSPECT.sub(lambda found: _escape(found.group()), without_secrets(text))


def _escape(character: str) -> str:
    if unicodedata.category(character) in _KINDS or character in _DIRECTIONS:
        return character.encode("unicode_escape").decode()
    return character


class Screen(Console):
    """A console whose every text is `shown`; a line break is a `print` of its own.

    Where lines are for programs, standard error is a log.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich's; texts are escaped first, and what a table holds is by whoever made it."""
        if self.stderr and is_json():
            _log.info("%s", " ".join(str(o).strip() for o in objects))
            return
        super().print(*(shown(o) if isinstance(o, str) else o for o in objects), **options)


# No markup: a name may hold [brackets].
_log = logging.getLogger(__name__)
out = Screen(highlight=False, soft_wrap=True, emoji=False, markup=False)
err = Screen(stderr=True, highlight=False, soft_wrap=True, emoji=False, markup=False)


class _ToScreen(logging.Handler):
    """Lines of this project's log among the notes, a library's nowhere."""

    def emit(self, record: logging.LogRecord) -> None:
        err.print(f"  {record.getMessage()}")


def show_log() -> None:
    """Show what this project logs, that a lock is waited for say; as JSON where SIMSONG_LOG_FORMAT says so."""
    if is_json():
        log_as_json()
        return
    log = logging.getLogger("simsong_pipeline")
    if not any(isinstance(handler, _ToScreen) for handler in log.handlers):
        log.addHandler(_ToScreen())
        log.propagate = False


def print_error(error: Exception) -> None:
    """The lines of an error that a person can act on."""
    first, *more = error.lines if isinstance(error, SimSongError) else (str(error),)
    if is_json():
        _log.error("%s", first, extra={"more": [line.strip() for line in more] or None})
        return
    err.print("error:", style="bold red", end=" ")
    err.print(first)
    for line in more:
        err.print(line)


def print_left_out(stage: str, track_id: str, reason: str) -> None:
    """A line of the table of what was left out."""
    if is_json():
        _log.info("left out: %s", reason, extra={"stage": stage, "track_id": track_id})
        return
    err.print(f"  {stage:7} {track_id}  {reason}", markup=False)


def print_json(record: Mapping[str, object]) -> None:
    """One object on one line of standard output; what would steer a terminal is escaped as JSON does it."""
    text = json.dumps(_clean(record), ensure_ascii=False)
    sys.stdout.write(_SUSPECT.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n")


def _clean(value: object) -> object:
    """The value without secrets in its texts."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {key: _clean(held) for key, held in value.items()}
    return [_clean(held) for held in value] if isinstance(value, list | tuple) else value


def print_json_lines(records: Iterable[Mapping[str, object]]) -> None:
    """One object a line."""
    for record in records:
        print_json(record)


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table; numbers with four decimals. Where the screen is narrow the track id gives way, then names are broken.

    Short columns and headers are never broken, and where names would have no room the table has no frame.
    """
    names, cells = list(columns), [[shown(_cell(v)) for v in row] for row in rows]
    natural = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    excess = sum(natural) + 3 * len(natural) + 1 - out.width
    table = Table(title=Text(shown(title)), title_justify="left", title_style="bold")
    if excess > sum(width - _SHORTEST_ID for name, width in zip(names, natural, strict=True) if name == "track_id"):
        table.box, table.padding = SIMPLE_HEAD, (0, 1, 0, 0)
        excess -= 2 * len(natural)
    for name, width in zip(names, natural, strict=True):
        is_id = name == "track_id"
        how: OverflowMethod = "ellipsis" if is_id else "fold"
        most = max(_SHORTEST_ID, width - excess) if is_id and excess > 0 else None
        table.add_column(name.replace("_", " "), overflow=how, no_wrap=is_id or width <= _SHORT, max_width=most)
    for row in cells:
        table.add_row(*[Text(cell) for cell in row])
    out.print(table)


def print_metrics(title: str, rows: pl.DataFrame) -> None:
    """One metric of each method, in a table that fits 60 columns."""
    table = Table(
        title=Text(shown(title)), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for name in ("method", "value", "chance", "best", "over timbre", "over start"):
        table.add_column(name, justify="left" if name == "method" else "right", no_wrap=name in ("method", "value"))
    for row in rows.iter_rows(named=True):
        interval = "" if row["ci_low"] is None else f"\n({row['ci_low']:.2f}–{row['ci_high']:.2f})"
        others = [row[name] for name in ("chance", "oracle")]
        gains = [row[name] for name in ("over_timbre", "over_start")]
        table.add_row(
            row["variant"].replace("_", " "),
            f"{row['value']:.3f}{interval}",
            *["–" if value is None else f"{value:.3f}" for value in others],
            *["–" if value is None else f"{value:+.3f}" for value in gains],
        )
    out.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


@contextmanager
def events(quiet: bool = False) -> Iterator[Events]:
    """Progress bars while a run goes on; a line a stage where standard error is no terminal."""
    if quiet:
        yield SILENT
        return
    if is_json():
        yield logged_events()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        current = bars.add_task("starting", total=None)

        def stage(name: str) -> None:
            err.print(name, style="bold")
            bars.reset(current, description=escape(shown(name)), total=None)

        def progress(done: int, total: int) -> None:
            if done < bars.tasks[0].completed or total != bars.tasks[0].total:
                bars.reset(current, total=total)  # another count of the same stage: its time left is its own
            bars.update(current, completed=done, total=total)

        def note(text: str) -> None:
            err.print(f"  {text}")

        yield Events(stage, progress, note)
