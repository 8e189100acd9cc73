"""The `simsong` command and its error boundary."""

import os
import sys
import warnings
from importlib.metadata import version
from typing import Annotated, Literal

import typer

from simsong_pipeline.cli import (
    backup_commands,
    doctor_command,
    embed_command,
    fetch_commands,
    library_command,
    link_command,
    measuring_commands,
    model_commands,
    playlist_commands,
    query_commands,
    run_commands,
    sample_commands,
    select_command,
    serve_command,
    split_command,
    verify_command,
)
from simsong_pipeline.cli.console import err, out, print_error, show_log
from simsong_pipeline.cli.remote_home import at_its_home
from simsong_pipeline.cli.stopping import StoppedError, heed_sigterm, repeat_lost_stops, status_of, stoppable
from simsong_pipeline.errors import UnprovenError, told_to_people
from simsong_pipeline.logs import VARIABLE as LOG_FORMAT
from simsong_pipeline.logs import log_as_json
from simsong_pipeline.redaction import guard_logs

UNPROVEN_EXIT = 4


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"simsong {version('simsong')}")
        raise typer.Exit


def _log_as_said(format: str) -> str:
    if format == "json":
        log_as_json()
    return format


app = typer.Typer(
    help="Song embeddings from audio and lyrics, and similar songs from a vector database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Not Rich's own markup, which takes [youtube] for a style.
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _simsong(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    log_format: Annotated[
        Literal["text", "json"],
        typer.Option(
            envvar=LOG_FORMAT,
            callback=_log_as_said,
            help="Of standard error; json is an object a line, of a night's stages, buckets and tracks as well.",
        ),
    ] = "text",
) -> None:
    """Song embeddings from audio and lyrics, and similar songs from a vector database."""


# In the order of the help.
_RUNS = (
    sample_commands.sample,
    run_commands.run,
    library_command.library,
    select_command.select,
    run_commands.train,
    sample_commands.demo,
    measuring_commands.evaluate,
    measuring_commands.report_card,
    run_commands.refresh,
    run_commands.rollback,
    doctor_command.doctor,
)
_SINGLE = (embed_command.embed, link_command.link, serve_command.serve, split_command.split, verify_command.verify)
_COPIES = (backup_commands.backup, backup_commands.restore)
for command in (*_RUNS, *query_commands.ALL, *_SINGLE, *_COPIES):
    app.command()(stoppable(at_its_home(command)))
app.add_typer(fetch_commands.app, name="fetch")
app.add_typer(model_commands.app, name="models")
app.add_typer(playlist_commands.app, name="playlist")


def main() -> None:
    """Run the command; an error that a person can act on is one line and exit status 1."""
    # Threads that wait by sleeping: spinning ones starve each other as soon as anything else runs on the cores.
    # Read when torch is first imported, which a command does.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Libraries' notes to their developers; errors still surface.
    warnings.simplefilter("ignore")
    guard_logs()
    show_log()
    heed_sigterm()
    repeat_lost_stops()
    try:
        app()
    except StoppedError as stopped:
        err.print(str(stopped), markup=False)
        sys.exit(stopped.status)
    except KeyboardInterrupt as stop:
        err.print("stopped", markup=False)
        sys.exit(status_of(stop))
    except Exception as error:
        told = told_to_people(error)
        if told is None:
            raise
        print_error(told)
        sys.exit(UNPROVEN_EXIT if isinstance(told, UnprovenError) else 1)


if __name__ == "__main__":
    main()
