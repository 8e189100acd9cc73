"""Which songs were compared with each other, and the mean spectra by which a new one finds those like it."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.feature_store import FeatureStore
from simsong_pipeline.home.workspace import Workspace

_FRAME = "compared"
_HEARD = ("track_id", "audio_sha256", "front_end")
# What it was in an earlier version: without track ids, and with the codes of all songs.
_EARLIER = "fingerprints"
_SCHEMA = {**dict.fromkeys(_HEARD, pl.String), "spectrum": pl.Binary}


class ComparedSongs:
    """The songs of the frame `compared` beside those that can be used now.

    Args:
        usable: track_id, audio_sha256, front_end; a song whose audio is another is compared again.

    Attributes:
        fresh: songs that were not compared before.
    """

    def __init__(self, workspace: Workspace, usable: pl.DataFrame, store: FeatureStore) -> None:
        self._workspace = workspace
        self._kept = workspace.bucketed(_FRAME)
        self._usable = usable.select(_HEARD)
        self._before = self._kept.read() if self._kept.is_there else self._of_earlier_version()
        new = self._usable.join(self._before, on=_HEARD, how="anti")
        self.fresh = set(new["track_id"])
        described = store.arrays(new["track_id"].to_list(), ["spectrum"])
        self._new = new.join(described, on="track_id").select(list(_SCHEMA))

    def spectra(self) -> tuple[list[str], NDArray[np.float32]]:
        """All songs that can be used, and the mean spectrum of each: [n, 2 n_mels]."""
        songs = self._songs()
        values = np.frombuffer(b"".join(songs["spectrum"].to_list()), np.float32)
        return songs["track_id"].to_list(), values.reshape(songs.height, -1)

    def remember(self) -> None:
        """From now on the songs are no longer fresh; those that are gone are forgotten."""
        gone = self._before.join(self._usable, on="track_id", how="anti")["track_id"].to_list()
        if not self._kept.is_there:
            self._workspace.write(_FRAME, self._songs())
            self._workspace.forget(_EARLIER)
        elif self._new.height or gone:
            self._kept.update(self._new, gone)

    def _songs(self) -> pl.DataFrame:
        return pl.concat([self._before.join(self._usable, on=_HEARD, how="semi"), self._new])

    def _of_earlier_version(self) -> pl.DataFrame:
        """The songs that are known by their audio alone."""
        before = self._workspace.read_if_there(_EARLIER)
        if before is None:
            return pl.DataFrame(schema=_SCHEMA)
        known = before.select(*_HEARD[1:], "spectrum")
        return self._usable.join(known, on=list(_HEARD[1:])).select(list(_SCHEMA))
