"""The `simsong` command and its error boundary."""

import os
import sys
import warnings

import typer

from simsong_pipeline.cli import commands, fetch_commands, model_commands, query_commands
from simsong_pipeline.cli.console import err
from simsong_pipeline.errors import SimSongError, UnprovenError

UNPROVEN_EXIT = 4

app = typer.Typer(
    help="Song embeddings from audio and lyrics, and similar songs from a vector database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
for command in (*commands.ALL, *query_commands.ALL):
    app.command()(command)
app.add_typer(fetch_commands.app, name="fetch")
app.add_typer(model_commands.app, name="models")


def main() -> None:
    """Run the command; an error that a person can act on is one line and exit status 1."""
    # Threads that wait by sleeping: spinning ones starve each other as soon as anything else runs on the cores.
    # Read when torch is first imported, which a command does.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Libraries' notes to their developers; errors still surface.
    warnings.simplefilter("ignore")
    try:
        app()
    except (SimSongError, OSError) as error:
        err.print(f"[bold red]error:[/bold red] {_escaped(str(error))}")
        sys.exit(UNPROVEN_EXIT if isinstance(error, UnprovenError) else 1)
    except KeyboardInterrupt:
        err.print("stopped; run the same command again to go on")
        sys.exit(130)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


if __name__ == "__main__":
    main()
