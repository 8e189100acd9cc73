"""Everything of a catalogue lives under one folder, the home. This module knows where."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from filelock import FileLock, Timeout

from simsong_pipeline.config import PipelineConfig, StageConfig, StoreConfig, Variant
from simsong_pipeline.errors import RawDataError, SimSongError, first_line
from simsong_pipeline.files import write_atomically, write_json
from simsong_pipeline.pipeline.fence import Fence
from simsong_pipeline.schemas import CONTRACTS, check, completed
from simsong_pipeline.stores.opening import Store, open_store

_UNFINISHED = timedelta(hours=1)

if TYPE_CHECKING:
    from simsong_pipeline.audio.feature_store import FeatureStore


class SourceConfig(StageConfig):
    """Where the raw data lie: a folder in the raw formats, a manifest, or a music folder; else the home's own."""

    raw: Path | None = None
    manifest: Path | None = None
    library: Path | None = None
    accept_shrink: bool = False

    @property
    def name(self) -> str:
        """What the column `source` of the tracks says."""
        return "library" if self.library is not None else "manifest" if self.manifest is not None else "msd"


class Workspace:
    """Paths, frames and stores below a home folder.

    Args:
        run_id: the run that everything under `lock` is done for. It takes its number at the first lock, and is refused
            at each later one when another run has begun since.
    """

    def __init__(self, home: Path, run_id: str | None = None) -> None:
        self.home = home
        self._run_id = run_id
        # One object, because it lets its own holder in again: stages lock, and so does a run around them.
        self._lock = FileLock(home / ".lock")

    @property
    def raw(self) -> Path:
        """The raw data that `simsong sample` or an acquisition step writes."""
        return self.home / "raw"

    @property
    def report(self) -> Path:
        """The evaluation report."""
        return self.home / "report" / "index.html"

    def model(self, variant: Variant) -> Path:
        """Folder of a variant's model."""
        return self.home / "models" / variant

    def features(self, config: PipelineConfig) -> "FeatureStore":
        """What was heard of the songs, in the form that the configured encoder is made for."""
        # Imported here because it loads the decoders and scipy, which a query can do without.
        from simsong_pipeline.audio.feature_format import feature_format
        from simsong_pipeline.audio.feature_store import FeatureStore

        return FeatureStore(self.home / "features", feature_format(config))

    def store(self, config: StoreConfig) -> Store:
        """The index; close it after use."""
        return open_store(config, self.home)

    def frame_path(self, name: str) -> Path:
        """File of a frame; a name may have a variant in front: `ns/track_vectors`."""
        return self.home / "frames" / f"{name}.parquet"

    def write(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Check a frame against its contract and write it atomically."""
        contract = CONTRACTS.get(name.rpartition("/")[2])
        if contract is not None:
            check(frame, contract)
        write_atomically(self.frame_path(name), frame.write_parquet)
        return frame

    def read(self, name: str) -> pl.DataFrame:
        """A frame that an earlier stage wrote.

        Raises:
            RawDataError: no run got that far yet.
        """
        frame = self.read_if_there(name)
        if frame is None:
            raise RawDataError(f"nothing is known under {self.home} yet ({name} is missing): run `simsong run` first")
        return frame

    def read_if_there(self, name: str) -> pl.DataFrame | None:
        """A frame, or null before its first run."""
        path = self.frame_path(name)
        if not path.is_file():
            return None
        contract = CONTRACTS.get(name.rpartition("/")[2])
        try:
            frame = pl.read_parquet(path)
            return frame if contract is None else completed(frame, contract)
        except (pl.exceptions.PolarsError, OSError) as error:
            first = first_line(error)
            raise RawDataError(f"{path} is damaged ({first}): delete it and run `simsong run`") from error

    def clear_unfinished(self, now: datetime) -> None:
        """Delete what killed processes were writing; young files may be another process's, which is not done yet."""
        below = (self.home.glob(f"{folder}/**/.*.part") for folder in ("frames", "models", "report"))
        for path in chain(self.home.glob(".*.part"), *below):
            with suppress(FileNotFoundError):  # its process has finished it meanwhile
                if path.stat().st_mtime < (now - _UNFINISHED).timestamp():
                    path.unlink()

    def save_config(self, config: PipelineConfig) -> None:
        """Remember the configuration for the commands that follow a run."""
        # The address may hold a password; it comes from the environment or an option each time.
        write_json(self.home / "config.json", json.loads(config.model_dump_json(exclude={"store": {"url"}})))

    def load_config(self) -> PipelineConfig:
        """The configuration of the last run, the defaults before the first."""
        path = self.home / "config.json"
        if not path.is_file():
            return PipelineConfig()
        try:
            return PipelineConfig.model_validate_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RawDataError(f"{path} is damaged or of another version: delete it and run `simsong run`") from error

    def save_source(self, source: SourceConfig) -> None:
        """Remember where the raw data lie, for `refresh`."""
        given = {
            n: p.absolute()
            for n, p in (("raw", source.raw), ("manifest", source.manifest), ("library", source.library))
            if p
        }
        write_json(self.home / "source.json", {name: str(path) for name, path in given.items()})

    def load_source(self) -> SourceConfig:
        """Where the raw data of the last run lay."""
        path = self.home / "source.json"
        if not path.is_file():
            return SourceConfig()
        try:
            return SourceConfig.model_validate_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RawDataError(f"{path} is damaged: delete it and run `simsong run`") from error

    @property
    def fence(self) -> Fence:
        """Who may publish."""
        return Fence(self.home / "fence.json")

    def begin(self) -> None:
        """Take the number of the run that this workspace is used by, where there is one.

        Raises:
            SimSongError: as `lock`.
        """
        if self._run_id is not None:
            with self.lock():
                return

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the home for one run at a time.

        Raises:
            SimSongError: another run holds it.
            StaleRunError: another run has begun since this workspace's did.
        """
        with self._hold(self._lock, "run is using"):
            if self._run_id is not None:
                self.fence.claim(self._run_id)
            yield

    @contextmanager
    def provider_lock(self, provider: str) -> Iterator[None]:
        """Ask a provider from one process at a time; runs over the same home go on beside it.

        Raises:
            SimSongError: another process asks it.
        """
        with self._hold(FileLock(self.home / f".{provider}.lock"), f"process is asking {provider} for"):
            yield

    @contextmanager
    def _hold(self, lock: FileLock, what: str) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RawDataError(
                f"{self.home} cannot be used as a home ({error.strerror}): choose another --home"
            ) from error
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise SimSongError(f"another {what} {self.home}: wait for it, or choose another --home") from error
        try:
            yield
        finally:
            lock.release()
