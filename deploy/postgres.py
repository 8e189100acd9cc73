"""A PostgreSQL cluster in a folder. Its programs come from the system's packages (`apt install postgresql`).

It listens on loopback and in the folder alone. As root, it runs as user postgres.
"""

import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path


class StackError(RuntimeError):
    """Something did not start; the message names it and its log."""


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


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
