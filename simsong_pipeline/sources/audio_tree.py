"""Finds the recordings that an acquisition step left: one file a track, named by its track id."""

import os
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.remote.address import is_url
from simsong_pipeline.remote.objects_read import states_of
from simsong_pipeline.schemas import AUDIO_FILES, conform
from simsong_pipeline.sources.counting import Progress, counted
from simsong_pipeline.sources.music_folders import files_below

# All that is decoded, by libsndfile or FFmpeg, lossy, lossless and DSD. What a file really is shows in its content.
_READ = (
    ".3ga .aac .ac3 .adts .aif .aifc .aiff .alac .ape .asf .au .caf .dsf .dts .eac3 .flac .m4a .mka .mp+ .mp1 .mp2 "
    ".mp3 .mp4 .mpc .mpga .mpp .oga .ogg .opus .snd .spx .tta .w64 .wav .wave .webm .wma .wv"
)
SUFFIXES = frozenset(_READ.split())
# Music and speech that are not read: by formats that few have, by protection, as books, notes and telephones' memos.
_OTHER = (
    ".aa .aax .amr .awb .dff .gsm .it .kar .m4b .m4p .m4r .mid .midi .mod .nsf .ofr .ra .ram .rm .rmi .s3m .shn .sid "
    ".spc .tak .voc .xm"
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
    """Add size_bytes and modified_ns to track_id and path; a path that is no file gets -1 for both.

    Of an object at an address both are as its store lists them.
    """
    there = states_of([path for path in files["path"] if is_url(path)])
    states = [there.get(path) or _state(Path(path)) for path in counted(files["path"].to_list(), progress)]
    columns = pl.DataFrame(states, schema={"size_bytes": pl.Int64, "modified_ns": pl.Int64}, orient="row")
    return conform(pl.concat([files, columns], how="horizontal"), AUDIO_FILES)


def _state(path: Path) -> tuple[int, int]:
    if not os.path.isfile(path):  # false as well where the path is too long to be one
        return -1, -1
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
