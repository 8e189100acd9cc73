"""docs/players.md: every command in it is one, with these options; those of a server run in `test_link_server`."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.service.audiomuse.routes import _BY_NIGHTS, _FIXED, _GET, _POST

PAGE = (Path(__file__).parents[1] / "docs" / "players.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line.partition("   #")[0].strip() for block in BLOCKS for line in block.splitlines()]


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("simsong ")])
def test_commands_are_as_they_are_written(command: str) -> None:
    done = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])
    assert done.exit_code == 0, done.output


def test_every_line_is_a_command_or_a_variable() -> None:
    assert COMMANDS
    assert all(line.startswith(("simsong ", "export SIMSONG_")) for line in COMMANDS)


def test_the_table_of_routes_is_whole() -> None:
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    named = {path.partition("<")[0].rstrip("/") for path in re.findall(r"/api/[a-z_/<>]+", table)}
    assert named == {*_GET, *_POST, *_FIXED, "/api/status"}
    assert not set(_BY_NIGHTS) & named
