"""Finds the recordings that an acquisition step left: one file a track, named by its track id."""

import os
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.schemas import AUDIO_FILES, conform
from simsong_pipeline.sources.counting import Progress, counted
from simsong_pipeline.sources.music_folders import files_below

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".mp4", ".webm", ".aiff", ".aif"})
# Music that is not read: by formats that few have, by protection, or as notes in place of sound.
_OTHER = (
    ".3ga .aa .aac .aax .ac3 .aifc .alac .amr .ape .au .awb .caf .dff .dsf .dts .gsm .it .kar .m4b .m4p .m4r .mid "
    ".midi .mka .mod .mp1 .mp2 .mpc .mpga .mpp .nsf .ofr .ra .ram .rm .rmi .s3m .shn .sid .snd .spc .spx .tak .tta "
    ".voc .w64 .wma .wv .xm"
)
OTHER_MUSIC = frozenset(_OTHER.split())


def find_audio_files(root: Path, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """Every recording below `root` with its size and time of change; of two for a track the first by name.

    Raises:
        RawDataError: `root` is not a folder.
    """
    if not root.is_dir():
        raise RawDataError(f"no such folder: {root}; it should hold one recording a track, named TR….ogg or the like")
    # Absolute, so that another spelling of the same folder is not another set of recordings.
    rows = [(p.stem, str(p)) for p in files_below(root.absolute(), SUFFIXES)]
    frame = pl.DataFrame(rows, schema={"track_id": pl.String, "path": pl.String}, orient="row")
    return with_file_state(frame.unique("track_id", keep="first", maintain_order=True), progress)


def with_file_state(files: pl.DataFrame, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """Add size_bytes and modified_ns to track_id and path; a path that is no file gets -1 for both."""
    states = [_state(Path(path)) for path in counted(files["path"].to_list(), progress)]
    columns = pl.DataFrame(states, schema={"size_bytes": pl.Int64, "modified_ns": pl.Int64}, orient="row")
    return conform(pl.concat([files, columns], how="horizontal"), AUDIO_FILES)


def _state(path: Path) -> tuple[int, int]:
    if not os.path.isfile(path):  # false as well where the path is too long to be one
        return -1, -1
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
