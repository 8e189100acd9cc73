"""What a person sees: progress and notes on standard error, results on standard output."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from simsong_pipeline.pipeline.events import Events

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(record: Mapping[str, object]) -> None:
    """One object on one line of standard output."""
    sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")


def print_json_lines(records: Iterable[Mapping[str, object]]) -> None:
    """One object a line."""
    for record in records:
        print_json(record)


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table; numbers with four decimals."""
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column in ("track_id", "score", "check"))
    for row in rows:
        table.add_row(*[Text(_cell(v)) for v in row])
    out.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


@contextmanager
def events(quiet: bool = False) -> Iterator[Events]:
    """Progress bars while a run goes on; a line a stage where standard error is no terminal."""
    if quiet:
        yield Events(lambda _: None, lambda *_: None, lambda _: None)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        current = bars.add_task("starting", total=None)

        def stage(name: str) -> None:
            err.print(f"[bold]{name}[/bold]")
            bars.reset(current, description=name, total=None)

        def progress(done: int, total: int) -> None:
            bars.update(current, completed=done, total=total)

        def note(text: str) -> None:
            err.print(f"  {text}", markup=False, emoji=False)

        yield Events(stage, progress, note)
