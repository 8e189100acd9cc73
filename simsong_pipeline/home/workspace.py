"""Everything of a catalogue lives under one folder, the home. This module knows where."""

import json
import shutil
from collections.abc import Collection
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from simsong_pipeline.buckets import Buckets
from simsong_pipeline.config import NOT_REMEMBERED, PipelineConfig, StoreConfig, Variant
from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.files import (
    is_as_written,
    read_json_object,
    sum_of,
    write_atomically,
    write_json,
    write_with_sum,
)
from simsong_pipeline.home.bucket_number import BucketNumber
from simsong_pipeline.home.bucketed_frame import BucketedFrame
from simsong_pipeline.home.held_home import HeldHome
from simsong_pipeline.home.known_hashes import KnownHashes
from simsong_pipeline.home.unfinished import clear_unfinished
from simsong_pipeline.remote.local_copy import home_name
from simsong_pipeline.schemas import CONTRACTS, EXCLUSIONS, check, completed
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stores.opening import Store, open_store

if TYPE_CHECKING:
    from simsong_pipeline.audio.feature_store import FeatureStore

# Wide frames, of which a night rewrites a few buckets.
_BUCKETED = frozenset({"lyrics", "lyric_embeddings", "track_vectors", "compared"})


def _is_bucketed(name: str) -> bool:
    return name.rpartition("/")[2] in _BUCKETED


def frame_way_out(name: str) -> str:
    """What makes a frame anew once its file is deleted."""
    if name.startswith("split_artists_"):  # artists may get other parts than the models know
        return "delete it and run `simsong run --retrain`"
    if name.startswith("linked/"):
        return "delete it and run `simsong link` again"
    return "delete it and run `simsong run`" if name == "metrics" else "delete it and run `simsong refresh`"


class Workspace(HeldHome):
    """Paths, frames and stores below a home folder; what it is opened with is said at `HeldHome`."""

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

    @property
    def bag_models(self) -> Path:
        """Folder of what bags of words are embedded by."""
        return self.home / "models" / "bags"

    @property
    def buckets(self) -> Buckets:
        """What the home's features and wide frames are kept in."""
        return self.bucket_number.present()

    @property
    def bucket_number(self) -> BucketNumber:
        """Where that is said."""
        return BucketNumber(self.home)

    def settle_buckets(self, wanted: int | None) -> None:
        """Give a new home the number that is asked for, if one is.

        Raises:
            SimSongError: the home has another number, which only a split changes.
        """
        if wanted is None or self.buckets.count == wanted:
            return
        with self.lock():
            if not self.bucket_number.is_needed():
                self.bucket_number.put(Buckets(wanted))
            self.bucket_number.refuse_other(Buckets(wanted))

    def features(self, config: PipelineConfig) -> "FeatureStore":
        """What was heard of the songs, in the form that the configured encoder is made for."""
        # Imported here because it loads the decoders and scipy, which a query can do without.
        from simsong_pipeline.audio.feature_format import feature_format
        from simsong_pipeline.audio.feature_store import FeatureStore

        number = self.bucket_number
        return FeatureStore(
            self.features_folder, feature_format(config), self.patience_s, number.present(), number.present
        )

    @property
    def features_folder(self) -> Path:
        """Where what was heard is kept."""
        return self.home / "features"

    @property
    def ready(self) -> Path:
        """Vectors that are computed and in no frame yet; see `ready_vectors`."""
        return self.home / "ready"

    def clear_ready(self) -> None:
        """Once all of them are in frames."""
        shutil.rmtree(self.ready, ignore_errors=True)

    def store(self, config: StoreConfig) -> Store:
        """The index; close it after use."""
        return open_store(config, self.home)

    def frame_path(self, name: str) -> Path:
        """File or, of a frame in buckets, folder; a name may have a variant in front: `ns/track_vectors`."""
        return self.home / "frames" / (name if _is_bucketed(name) else f"{name}.parquet")

    def bucketed(self, name: str) -> BucketedFrame:
        """One of the frames that are kept in buckets."""
        folder = self.frame_path(name)
        return BucketedFrame(folder, f"delete {folder} and run `simsong refresh`", self.buckets)

    def write(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Check a frame against its contract and write it atomically."""
        self._take_number()
        contract = CONTRACTS.get(name.rpartition("/")[2])
        if contract is not None:
            check(frame, contract)
        if _is_bucketed(name):
            self.bucketed(name).write(frame)
            self.forget(name)
        else:
            # Zstandard's first level: of these frames as small as its third, in half of the time.
            write_with_sum(self.frame_path(name), partial(frame.write_parquet, compression_level=1))
        if name == EXCLUSIONS.name:  # which people look into
            write_atomically(self.exclusions_csv, frame.write_csv)
        return frame

    def update(self, name: str, rows: pl.DataFrame, gone: Collection[str]) -> None:
        """Put rows into a frame that is kept in buckets, and take tracks out of it."""
        self._take_number()
        check(rows, CONTRACTS[name.rpartition("/")[2]])
        self.bucketed(name).update(rows, gone)

    @property
    def known_hashes(self) -> KnownHashes:
        """Of files outside of the home that a run depends on."""
        return KnownHashes(self.home / "hashes.json")

    @property
    def exclusions_csv(self) -> Path:
        """What was left out and why, for a spreadsheet."""
        return self.frame_path(EXCLUSIONS.name).with_suffix(".csv")

    def read(self, name: str) -> pl.DataFrame:
        """A frame that an earlier stage wrote.

        Raises:
            RawDataError: no run got that far yet.
        """
        frame = self.read_if_there(name)
        if frame is None:
            raise RawDataError(f"nothing is known under {home_name(self.home)} yet: run `simsong run` first")
        return frame

    def read_if_there(self, name: str) -> pl.DataFrame | None:
        """A frame, or null before its first run."""
        if _is_bucketed(name) and self.bucketed(name).is_there:
            return self.bucketed(name).read()
        path = self._single(name)
        if not path.is_file():
            return None
        if not is_as_written(path):
            raise RawDataError(f"{path} is damaged (its bytes changed): {frame_way_out(name)}")
        contract = CONTRACTS.get(name.rpartition("/")[2])
        try:
            frame = pl.read_parquet(path)
            return frame if contract is None else completed(frame, contract)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise RawDataError(f"{path} is damaged ({first_line(error)}): {frame_way_out(name)}") from error

    def _single(self, name: str) -> Path:
        """The file that a frame is, or that a frame in buckets was in an earlier version."""
        return self.home / "frames" / f"{name}.parquet"

    def forget(self, name: str) -> None:
        """Delete the file of a frame that an earlier version kept as one."""
        for path in (self._single(name), sum_of(self._single(name))):
            path.unlink(missing_ok=True)

    def clear_unfinished(self, now: datetime) -> None:
        """Delete what killed processes were writing."""
        clear_unfinished(self.home, self.raw, now)

    def save_config(self, config: PipelineConfig) -> None:
        """Remember the configuration for the commands that follow a run."""
        write_json(self.home / "config.json", json.loads(config.model_dump_json(exclude=NOT_REMEMBERED)))

    def load_config(self) -> PipelineConfig:
        """The configuration of the last run, the defaults before the first."""
        path = self.home / "config.json"
        if not path.is_file():
            return PipelineConfig()
        try:
            content = read_json_object(path)
            if not content:
                raise ValueError("it says nothing, and each run writes all of it")
            return PipelineConfig.model_validate_json(json.dumps(content))
        except ValueError as error:
            raise RawDataError(f"{path} is damaged or of another version: delete it and run `simsong run`") from error

    def save_source(self, source: SourceConfig) -> None:
        """Remember where the raw data lie, for `refresh`."""
        given = {
            n: p.absolute()
            for n, p in (("raw", source.raw), ("manifest", source.manifest), ("library", source.library))
            if p
        }
        addresses = {"raw_url": source.raw_url, "manifest_url": source.manifest_url}
        named = {name: str(path) for name, path in given.items()} | {n: url for n, url in addresses.items() if url}
        write_json(self.home / "source.json", named)

    def load_source(self) -> SourceConfig:
        """Where the raw data of the last run lay."""
        path = self.home / "source.json"
        if not path.is_file():
            return SourceConfig()
        try:
            return SourceConfig.model_validate_json(json.dumps(read_json_object(path)))
        except ValueError as error:
            raise RawDataError(f"{path} is damaged: delete it and run `simsong run`") from error
