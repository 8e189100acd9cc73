"""SimSong's processes on this machine: `python deploy/stack.py --folder /srv/simsong`.

PostgreSQL, the code locations, Dagster's webserver (which only reads) and daemon, and the service: what compose.yaml
starts but Qdrant, without containers. For a first deployment, and for the tests. PostgreSQL's programs come from the
system's packages (`apt install postgresql`). Ctrl-C stops all of them; what they kept is there at the next start.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import processes
from postgres import Database, StackError, free_port

from dagster_project.health import code_answers

HERE = Path(__file__).resolve().parent
PATIENCE_S = 180.0
_HOST = "127.0.0.1"


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="database, logs and DAGSTER_HOME go here")
    parser.add_argument("--port", type=int, default=3000, help="of Dagster's web interface")
    parser.add_argument("--service-port", type=int, default=8080, help="of the page and the API")
    parser.add_argument(
        "--writable", action="store_true", help="let the web interface launch runs and switch schedules"
    )
    parser.add_argument("--module", nargs="+", default=list(processes.MODULES))
    asked = parser.parse_args()
    ports = {"port": asked.port, "service_port": asked.service_port}
    with Stack(asked.folder, asked.module, **ports, read_only=not asked.writable) as stack:
        for kind in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(kind, _interrupt)
        print("\n".join(stack.told()), flush=True)  # noqa: T201
        try:
            while stack.is_alive():
                time.sleep(1)
        except KeyboardInterrupt:
            print("stopping")  # noqa: T201
            return
    raise SystemExit(f"{' and '.join(stack.ended())} ended by itself: see the logs in {stack.folder}")


def _interrupt(*_: object) -> None:
    """An end from outside is an orderly one, and is not interrupted by being asked for twice."""
    for kind in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(kind, signal.SIG_IGN)
    raise KeyboardInterrupt


@dataclass
class Stack:
    """All of them; use as a context manager.

    Attributes:
        modules: Dagster's code locations.
        port: of Dagster's web interface; a free one where null.
        service_port: of the page and the API; a free one where null.
        read_only: whether the web interface changes nothing; `dagster schedule start` does, in this DAGSTER_HOME.
        environment: in addition to this process's own: SIMSONG_HOME and the like.
        configuration: Dagster's, in place of deploy/dagster.yaml.
        commands: what was started, by the names that compose.yaml has for it.
    """

    folder: Path
    modules: Sequence[str]
    port: int | None = None
    service_port: int | None = None
    read_only: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    configuration: str | None = None
    commands: dict[str, list[str]] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _logs: list[IO[bytes]] = field(default_factory=list)
    _database: Database | None = None
    _ended: list[str] = field(default_factory=list)

    def __enter__(self) -> "Stack":
        self.folder = self.folder.absolute()
        self.port, self.service_port = self.port or free_port(), self.service_port or free_port()
        try:
            self._prepare()
            places = self._start_code()
            (self.dagster_home / "workspace.yaml").write_text(processes.workspace(places), encoding="utf-8")
            self._start_dagster()
            self._start_service()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = [name for name, process in self._running.items() if process.poll() is not None]
        for process in reversed(self._running.values()):
            _end(process)
        self._running.clear()
        for log in self._logs:
            log.close()
        self._logs.clear()
        if self._database is not None:
            self._database.stop()

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME: its configuration, the workspace, what runs printed."""
        return self.folder / "dagster"

    @property
    def dagster_url(self) -> str:
        """Of Dagster's web interface."""
        return f"http://{_HOST}:{self.port}"

    @property
    def service_url(self) -> str:
        """Of the page and the API."""
        return f"http://{_HOST}:{self.service_port}"

    def is_alive(self) -> bool:
        """Whether all of them run."""
        return all(process.poll() is None for process in self._running.values())

    def ended(self) -> list[str]:
        """Which of them had ended by themselves when the rest was stopped."""
        return self._ended

    def told(self) -> list[str]:
        """What a person needs to know."""
        if "service" in self.commands:
            service = f"songs: {self.service_url}"
        else:
            service = f"nothing is indexed in {self._home} yet: the service starts with the stack, after a first run"
        return [service, f"Dagster: {self.dagster_url}", f"logs in {self.folder}; Ctrl-C stops"]

    @property
    def _home(self) -> Path:
        return Path({**os.environ, **self.environment}.get("SIMSONG_HOME") or "simsong-data")

    def _prepare(self) -> None:
        """DAGSTER_HOME, and the database."""
        self.dagster_home.mkdir(parents=True, exist_ok=True)
        text = self.configuration or (HERE / "dagster.yaml").read_text(encoding="utf-8")
        if not (self.dagster_home / "dagster.yaml").is_file():  # what a person changed there stays
            (self.dagster_home / "dagster.yaml").write_text(text, encoding="utf-8")
        self._database = Database(self.folder / "postgres")
        self._database.start()
        own = {
            "DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_PG_URL": self._database.url,
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        self.environment = {**self.environment, **own}

    def _start_code(self) -> dict[str, tuple[str, int]]:
        """The code locations, each with its address."""
        places = {module: (_HOST, free_port()) for module in self.modules}
        for number, (module, (host, port)) in enumerate(places.items()):
            self._start("code" if number == 0 else f"code-{number + 1}", processes.code_server(module, host, port))
        self._wait(lambda: all(code_answers(port) for _, port in places.values()), "code")
        return places

    def _start_dagster(self) -> None:
        workspace = str(self.dagster_home / "workspace.yaml")
        self._start("daemon", processes.daemon(workspace))
        self._start("webserver", processes.webserver(_HOST, int(self.port or 0), workspace, self.read_only))
        self._wait(lambda: processes.page_answers(f"{self.dagster_url}/server_info"), "webserver")
        self._wait(lambda: processes.daemon_answers(self.dagster_url), "daemon")

    def _start_service(self) -> None:
        """Unless nothing is there that it could serve."""
        if (self._home / "frames" / "tracks.parquet").is_file():
            self._start("service", processes.service(_HOST, int(self.service_port or 0)))
            self._wait(lambda: processes.page_answers(f"{self.service_url}/api/v1/health"), "service")

    def _start(self, name: str, command: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._logs.append(log)
        self.commands[name] = command
        # A group of its own, so that the code servers and runs that it starts end with it.
        self._running[name] = subprocess.Popen(
            processes.of_this_environment(command),
            stdout=log,
            stderr=log,
            env={**os.environ, **self.environment},
            start_new_session=True,
        )

    def _wait(self, ready: Callable[[], bool], name: str) -> None:
        """Until it is ready.

        Raises:
            StackError: one of them has ended, or this one takes too long.
        """
        limit, log = time.monotonic() + PATIENCE_S, self.folder / f"{name}.log"
        while not ready():
            if not self.is_alive() or time.monotonic() > limit:
                tail = log.read_text(errors="replace").strip().splitlines()[-3:] if log.is_file() else []
                raise StackError(f"{name} did not start ({' / '.join(tail)}): see {log}")
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
