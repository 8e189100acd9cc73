"""PostgreSQL, Dagster's webserver and its daemon on this machine: `python deploy/stack.py --folder /srv/simsong`.

For a first deployment without containers, and for the tests. PostgreSQL's programs come from the system's packages
(`apt install postgresql`); it listens on loopback and in the folder alone. As root, PostgreSQL runs as user postgres.
Ctrl-C stops all three; what they kept is there at the next start.
"""

import argparse
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
PATIENCE_S = 180.0


class StackError(RuntimeError):
    """Something did not start; the message names it and its log."""


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


class Database:
    """A PostgreSQL cluster in a folder, on a free port of loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._user = "postgres" if os.geteuid() == 0 else None
        self._secret = folder / "password"

    @property
    def url(self) -> str:
        """With the password that the first start made up."""
        return f"postgresql+psycopg2://simsong:{self._secret.read_text()}@127.0.0.1:{self._port}/dagster"

    def start(self) -> None:
        """Make the cluster at the first start, and start it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            shutil.chown(self._folder, self._user, self._user)
            for above in self._folder.parents:
                if above == Path(above.anchor) or os.stat(above).st_mode & 0o001:
                    continue
                raise StackError(f"PostgreSQL, which does not run as root, may not enter {above}: chmod o+x it")
        data = self._folder / "data"
        if not (data / "PG_VERSION").is_file():
            # Loopback is open to every user of the machine: a password keeps them out.
            self._secret.touch(mode=0o600)
            self._secret.write_text(secrets.token_urlsafe(24))
            if self._user is not None:
                shutil.chown(self._secret, self._user)
            locale = ["-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={self._secret}"]
            self._call("initdb", "-D", str(data), "-U", "simsong", *locale)
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        log = str(self._folder / "postgres.log")
        self._call("pg_ctl", "-D", str(data), "-w", "-l", log, "-o", options, "start")
        found = subprocess.run(self._as_user("psql", *self._to("postgres"), "-Atc", "SELECT datname FROM pg_database"),
                               capture_output=True, text=True, check=True, env=self._environment())  # fmt: skip
        if "dagster" not in found.stdout.split():
            self._call("createdb", *self._to(None), "dagster")

    def stop(self) -> None:
        """Stop it; nothing is lost."""
        data = self._folder / "data"
        if (data / "postmaster.pid").is_file():
            self._call("pg_ctl", "-D", str(data), "-w", "-m", "fast", "stop")

    def _to(self, database: str | None) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self._port), "-U", "simsong", *(["-d", database] if database else [])]

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._as_user(program, *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
        )
        if done.returncode != 0:
            raise StackError(f"{program} failed: {(done.stderr or done.stdout).strip()[-500:]}")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PGPASSWORD": self._secret.read_text() if self._secret.is_file() else ""}

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        command = [str(postgres_program(program)), *arguments]
        return command if self._user is None else ["setpriv", f"--reuid={self._user}", f"--regid={self._user}",
                                                   "--init-groups", *command]  # fmt: skip


def postgres_program(name: str) -> Path:
    """A program of the newest PostgreSQL that the system's packages installed, or on the path.

    Raises:
        StackError: there is none.
    """
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3]))
    found = packaged[-1] if packaged else shutil.which(name)
    if found is None:
        raise StackError(f"PostgreSQL's {name} is not installed: apt install postgresql")
    return Path(found)


def dagster(program: str) -> list[str]:
    """`dagster-webserver` or `dagster-daemon` of this environment."""
    beside = Path(sys.executable).with_name(f"dagster-{program}")
    return [str(beside)] if beside.is_file() else [f"dagster-{program}"]


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
