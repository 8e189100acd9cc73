"""PostgreSQL, Dagster's webserver and its daemon on this machine: `python deploy/stack.py --folder /srv/simsong`.

For a first deployment without containers, and for the tests. PostgreSQL's programs come from the system's packages
(`apt install postgresql`); it listens on loopback and in the folder alone. As root, PostgreSQL runs as user postgres.
Ctrl-C stops all three; what they kept is there at the next start.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from postgres import Database, StackError, free_port

HERE = Path(__file__).resolve().parent
PATIENCE_S = 180.0


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="database, logs and DAGSTER_HOME go here")
    parser.add_argument("--port", type=int, default=3000, help="of the web interface")
    modules = ["dagster_project.definitions", "dagster_project.provider_definitions"]
    parser.add_argument("--module", nargs="+", default=modules)
    arguments = parser.parse_args()
    with Stack(arguments.folder, arguments.module, port=arguments.port) as stack:
        for kind in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(kind, _interrupt)
        print(f"http://127.0.0.1:{stack.port}; logs in {stack.folder}; Ctrl-C stops", flush=True)  # noqa: T201
        try:
            while stack.is_alive():
                time.sleep(1)
        except KeyboardInterrupt:
            print("stopping")  # noqa: T201
            return
    raise SystemExit(f"the webserver or the daemon has ended by itself: see the logs in {stack.folder}")


def _interrupt(*_: object) -> None:
    """An end from outside is an orderly one, and is not interrupted by being asked for twice."""
    for kind in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(kind, signal.SIG_IGN)
    raise KeyboardInterrupt


@dataclass
class Stack:
    """The three of them; use as a context manager.

    Attributes:
        modules: Dagster's code locations.
        port: of the web interface; a free one where null.
        environment: in addition to this process's own: SIMSONG_HOME and the like.
        configuration: Dagster's, in place of deploy/dagster.yaml.
    """

    folder: Path
    modules: list[str]
    port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    configuration: str | None = None
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _logs: list[IO[bytes]] = field(default_factory=list)
    _database: "Database | None" = None

    def __enter__(self) -> "Stack":
        self.folder = self.folder.absolute()
        home = self.folder / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        text = self.configuration or (HERE / "dagster.yaml").read_text(encoding="utf-8")
        if not (home / "dagster.yaml").is_file():  # what a person changed there stays
            (home / "dagster.yaml").write_text(text, encoding="utf-8")
        self.port = self.port or free_port()
        try:
            self._database = Database(self.folder / "postgres")
            self._database.start()
            self.environment = {
                **self.environment,
                "DAGSTER_HOME": str(home),
                "DAGSTER_PG_URL": self._database.url,
                "OMP_WAIT_POLICY": "PASSIVE",
            }
            modules = [part for module in self.modules for part in ("-m", module)]
            self._start("webserver", [*dagster("webserver"), "-h", "127.0.0.1", "-p", str(self.port), *modules])
            wait_for(self._answers, "the web interface", self.folder / "webserver.log", self.is_alive)
            self._start("daemon", [*dagster("daemon"), "run", *modules])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            _end(process)
        self._running.clear()
        for log in self._logs:
            log.close()
        self._logs.clear()
        if self._database is not None:
            self._database.stop()

    def _start(self, name: str, command: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._logs.append(log)
        # A group of its own, so that the code servers and runs that it starts end with it.
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **self.environment}, start_new_session=True
        )
        self._running.append(process)

    def is_alive(self) -> bool:
        """Whether webserver and daemon both run."""
        return all(process.poll() is None for process in self._running)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/server_info", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def dagster(program: str) -> list[str]:
    """`dagster-webserver` or `dagster-daemon` of this environment."""
    beside = Path(sys.executable).with_name(f"dagster-{program}")
    return [str(beside)] if beside.is_file() else [f"dagster-{program}"]


def wait_for(ready: Callable[[], bool], what: str, log: Path, alive: Callable[[], bool]) -> None:
    """Until it is ready.

    Raises:
        StackError: it has ended, or takes too long.
    """
    limit = time.monotonic() + PATIENCE_S
    while not ready():
        if not alive() or time.monotonic() > limit:
            tail = log.read_text(errors="replace").strip().splitlines()[-3:] if log.is_file() else []
            raise StackError(f"{what} did not start ({' / '.join(tail)}): see {log}")
        time.sleep(0.3)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to stop, then make it."""
    for kind, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):  # all of them have ended
            os.killpg(process.pid, kind)
        try:
            process.wait(patience)
            if kind is signal.SIGKILL:
                return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    main()
