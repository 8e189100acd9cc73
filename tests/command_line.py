"""Whether a command that a file writes is one that its program takes; nothing is run."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from typer.main import get_command

from simsong_pipeline.cli.main import app


def taken(words: list[str]) -> dict[str, Any]:
    """The options and arguments of a command as its program reads them.

    Raises:
        AssertionError: no such program or command; click's own errors: no such option, or a value of another kind.
    """
    assert words[0] in _PROGRAMS, f"there is no program {words[0]}"
    return _PROGRAMS[words[0]](words)


def _parsed(command: Any, words: list[str]) -> dict[str, Any]:
    context, left = command.make_context(words[0], [], resilient_parsing=True), words[1:]
    while hasattr(command, "commands"):
        assert left, f"{words[0]} needs a command"
        assert left[0] in command.commands, f"there is no command {left[0]}"
        command, left = command.commands[left[0]], left[1:]
    found: dict[str, Any] = command.make_context(str(command.name), left, parent=context).params
    return found


def _simsong(words: list[str]) -> dict[str, Any]:
    return _parsed(get_command(app), words)


def _dagster(words: list[str]) -> dict[str, Any]:
    from dagster._cli import create_dagster_cli

    return _parsed(create_dagster_cli(), words)


def _daemon(words: list[str]) -> dict[str, Any]:
    from dagster._daemon.cli import create_dagster_daemon_cli

    return _parsed(create_dagster_daemon_cli(), words)


def _webserver(words: list[str]) -> dict[str, Any]:
    from dagster_webserver.cli import create_dagster_webserver_cli

    return _parsed(create_dagster_webserver_cli(), words)


def _python(words: list[str]) -> dict[str, Any]:
    if words[1] == "-m":
        assert find_spec(words[2]) is not None, f"there is no module {words[2]}"
        return {"module": words[2], "arguments": words[3:]}
    assert words[1] == "-c"
    compile(words[2], "<command>", "exec")
    return {"code": words[2]}


_PROGRAMS: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "simsong": _simsong,
    "dagster": _dagster,
    "dagster-daemon": _daemon,
    "dagster-webserver": _webserver,
    "python": _python,
}
