"""Reads what the Million Song Dataset says of a track's sound: its events, from a file of its own or an aggregate."""

import hashlib
from collections import OrderedDict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.event_layout import event_rows
from simsong_pipeline.audio.event_place import file_and_row
from simsong_pipeline.errors import AudioError
from simsong_pipeline.sources.hdf5_nodes import node_of
from simsong_pipeline.sources.limits import EVENTS

# Of the arrays of /analysis: how many columns each has.
ARRAYS = {
    "segments_start": 0,
    "segments_timbre": 12,
    "segments_pitches": 12,
    "segments_loudness_start": 0,
    "segments_loudness_max": 0,
    "segments_loudness_max_time": 0,
}
LEAST_EVENTS = 8
_LARGEST = float(np.finfo(np.float16).max) / 2
_OPEN_FILES = 4
_DAMAGED = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError)


@dataclass(frozen=True)
class TrackEvents:
    """A track's events, checked.

    Attributes:
        rows: [events, CHANNELS], see `audio.event_layout`.
        timbre: [events, 12] as it was stored.
        loudness_db: of the whole track.
        tempo_bpm: null where none is stated.
    """

    rows: NDArray[np.float16]
    timbre: NDArray[np.float64]
    duration_s: float
    loudness_db: float
    tempo_bpm: float | None

    @property
    def sha256(self) -> str:
        """Of the values as they are kept: a file that is written anew with the same ones changes nothing."""
        return hashlib.sha256(np.ascontiguousarray(self.rows).data).hexdigest()


class EventFiles:
    """Opens files of events and keeps the last aggregates open, which are asked once a track. For one thread."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, int], _EventFile] = OrderedDict()

    def read(self, place: str, modified_ns: int) -> TrackEvents:
        """The events of a track.

        Raises:
            AudioError: with the reason why they cannot be used.
        """
        path, row = file_and_row(place)
        try:
            if row is not None:
                return self._opened(path, modified_ns).events(row)
            with closing(_EventFile(path)) as own:
                return own.events(0)
        except _DAMAGED as error:
            raise AudioError(f"{Path(path).name} cannot be read as the data set's HDF5 ({_said(error)})") from error

    def close(self) -> None:
        """Close all of them."""
        while self._open:
            self._open.popitem()[1].close()

    def _opened(self, path: str, modified_ns: int) -> "_EventFile":
        key = (path, modified_ns)
        if key not in self._open:
            if len(self._open) >= _OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            self._open[key] = _EventFile(path)
        self._open.move_to_end(key)
        return self._open[key]


class _EventFile:
    """An open file, and what its table says of each row."""

    def __init__(self, path: str) -> None:
        # Without a lock, which file systems over a network may not have; nothing here writes.
        self._file = h5py.File(path, "r", locking=False)
        try:
            table = node_of(self._file, "analysis", "songs")
            named = table.dtype.names or ()
            known = [n for n in (*(f"idx_{name}" for name in ARRAYS), "duration", "loudness", "tempo") if n in named]
            self._songs = table.fields(known)[:] if len(table) > 1 else table[:]
            self._arrays = {name: node_of(self._file, "analysis", name) for name in ARRAYS if self._has(name)}
        except BaseException:
            self._file.close()
            raise

    def _has(self, name: str) -> bool:
        return self._file["analysis"].get(name, getlink=True) is not None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def events(self, row: int) -> TrackEvents:
        """Of the track in a row.

        Raises:
            AudioError: they cannot be used.
            ValueError: the arrays are not of the data set's form.
        """
        missing = [name for name in ARRAYS if name not in self._arrays]
        if missing:
            raise AudioError(f"no features: {missing[0]} is not there (a summary file has none of the arrays)")
        if row >= len(self._songs):
            raise AudioError(f"row {row} is not there: the file has {len(self._songs)} tracks")
        song = self._songs[row]
        arrays = {name: self._array(name, row) for name in ARRAYS}
        check_arrays(arrays)
        return _track_events(arrays, *(_stated(song, name) for name in ("duration", "loudness", "tempo")))

    def _array(self, name: str, row: int) -> NDArray[np.float64]:
        data, columns = self._arrays[name], ARRAYS[name]
        if data.shape[1:] != ((columns,) if columns else ()) or data.dtype.kind not in "fiu":
            raise ValueError(f"{name} has the form {data.shape} of {data.dtype}")
        begin, end = self._bounds(name, row, len(data))
        if end - begin > EVENTS:
            raise AudioError(f"{end - begin:,} events, and no track has more than {EVENTS:,}")
        values: NDArray[np.float64] = np.asarray(data[begin:end], np.float64)
        return values

    def _bounds(self, name: str, row: int, length: int) -> tuple[int, int]:
        """Where a row's values begin and end: an aggregate has all tracks' one after the other."""
        if len(self._songs) == 1:
            return 0, length
        firsts = self._songs[f"idx_{name}"]
        begin, end = int(firsts[row]), int(firsts[row + 1]) if row + 1 < len(firsts) else length
        if not 0 <= begin <= end <= length:
            raise ValueError(f"idx_{name} of row {row} leads out of the array")
        return begin, end


def check_arrays(arrays: dict[str, NDArray[np.float64]]) -> None:
    """Enough events, of finite values, one after the other.

    Raises:
        AudioError: with what is wrong.
    """
    counts = {name: len(values) for name, values in arrays.items()}
    starts = arrays["segments_start"]
    if len(set(counts.values())) > 1:
        odd = next(name for name in counts if counts[name] != len(starts))
        raise AudioError(f"lengths differ: {len(starts)} of segments_start, {counts[odd]} of {odd}")
    if not len(starts):
        raise AudioError("no features: its arrays are empty")
    if len(starts) < LEAST_EVENTS:
        raise AudioError(f"too short: {len(starts)} events, and {LEAST_EVENTS} are needed")
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise AudioError(f"values of {name} are not finite")
        if np.abs(values).max() > _LARGEST:
            raise AudioError(f"values of {name} reach {np.abs(values).max():g}, which no track's do")
    if starts[0] < 0 or not (np.diff(starts) > 0).all():
        raise AudioError("segments_start does not increase")


def _track_events(
    arrays: dict[str, NDArray[np.float64]], duration: float | None, loudness: float | None, tempo: float | None
) -> TrackEvents:
    starts, loudest = arrays["segments_start"], arrays["segments_loudness_max"]
    last = float(starts[-1])
    # Without a duration the last event is as long as most are.
    ends = duration if duration is not None and duration > 0 else last + float(np.median(np.diff(starts)))
    lasts = max(ends, last)
    if lasts - last > _LARGEST:
        raise AudioError(f"a duration of {lasts:g} s, which no track has")
    level = loudness if loudness is not None else float(loudest.mean())
    pulse = round(tempo, 1) if tempo is not None and tempo > 0 else None
    return TrackEvents(event_rows(arrays, lasts), arrays["segments_timbre"], lasts, round(level, 2), pulse)


def _stated(song: np.void, name: str) -> float | None:
    value = float(song[name]) if name in (song.dtype.names or ()) else float("nan")
    return value if np.isfinite(value) else None


def _said(error: BaseException) -> str:
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
