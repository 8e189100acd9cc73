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
        self._usable = usable.select(_HEARD)
        self._earlier = self._of_earlier_version()
        known = self._known()
        new = self._usable.join(known, on=_HEARD, how="anti")
        self.fresh = set(new["track_id"])
        self._gone = known.join(self._usable, on="track_id", how="anti")["track_id"].to_list()
        self._new = new.join(store.arrays(new["track_id"].to_list(), ["spectrum"]), on="track_id")

    def spectra(self) -> tuple[list[str], NDArray[np.float32]]:
        """All songs that can be used, and the mean spectrum of each: [n, 2 n_mels]."""
        before = self._rows().join(self._usable, on=_HEARD, how="semi")
        songs = pl.concat([before, self._new.select(before.columns)])
        values = np.frombuffer(b"".join(songs["spectrum"]), np.float32)
        return songs["track_id"].to_list(), values.reshape(songs.height, -1)

    def remember(self) -> None:
        """From now on the songs are no longer fresh; those that are gone are forgotten."""
        kept = self._workspace.bucketed(_FRAME)
        if not kept.is_there:
            both = pl.concat([self._rows(), self._new.select(list(_SCHEMA))])
            self._workspace.write(_FRAME, both.join(self._usable, on=_HEARD, how="semi"))
            self._workspace.forget(_EARLIER)
        elif self._new.height or self._gone:
            kept.update(self._new.select(list(_SCHEMA)), self._gone)

    def _known(self) -> pl.DataFrame:
        kept = self._workspace.bucketed(_FRAME)
        return kept.read(_HEARD) if kept.is_there else self._rows().select(_HEARD)

    def _rows(self) -> pl.DataFrame:
        kept = self._workspace.bucketed(_FRAME)
        return kept.read() if kept.is_there else self._earlier

    def _of_earlier_version(self) -> pl.DataFrame:
        """The songs that are known by their audio alone."""
        before = None
        if not self._workspace.bucketed(_FRAME).is_there:
            before = self._workspace.read_if_there(_EARLIER)
        if before is None:
            return pl.DataFrame(schema=_SCHEMA)
        return self._usable.join(before.select(*_HEARD[1:], "spectrum"), on=list(_HEARD[1:])).select(list(_SCHEMA))
