"""Where the files of the Million Song Dataset and its companions lie, as they are distributed and unpacked."""

import os
import re
from pathlib import Path

from simsong_pipeline.sources.music_folders import is_passed_by

SUMMARIES = ("msd_summary_file.h5", "subset_msd_summary_file.h5")
DATABASES = ("track_metadata.db", "subset_track_metadata.db")
# Folders of the data set's archives: the whole one is data/, or letters; the subset's is named.
_INNER = ("msd", "MillionSongSubset", "millionsongsubset", "MillionSong", "millionsong")
_LETTER = re.compile(r"[A-Z]")
_JSON_TREES = ("json", "lastfm_train", "lastfm_test", "lastfm_subset")


def msd_folder(root: Path) -> Path | None:
    """The folder with data/, the summary or the database: one of `root`, or `root` itself; null where there is none."""
    inner = [root / name for name in _INNER]
    return next((folder for folder in inner if folder.is_dir()), root if _is_msd(root) else None)


def _is_msd(folder: Path) -> bool:
    known = (*SUMMARIES, *DATABASES)
    return track_tree(folder) is not None or find_beside(folder, *known) is not None or bool(aggregates(folder))


def track_tree(msd: Path) -> Path | None:
    """The folder of the tree A/B/C/TR….h5: data/, or the folder itself, or one in it that holds the letters."""
    if (msd / "data").is_dir():
        return msd / "data"
    return msd if any(_LETTER.fullmatch(name) for name in _folders(msd)) else None


def aggregates(msd: Path) -> list[Path]:
    """Files with many tracks: in the folder itself or below aggregates/, but for summaries, which have no arrays."""
    below = [Path(folder) / name for folder, _, names in os.walk(msd / "aggregates") for name in names]
    beside = [path for path in msd.glob("*.h5") if not path.name.startswith("TR")]
    known = [path for path in (*below, *beside) if path.suffix == ".h5" and not is_passed_by(path.name)]
    return sorted(path for path in known if "summary" not in path.name)


def find_beside(folder: Path, *names: str) -> Path | None:
    """The first of these files in the folder or in the AdditionalFiles below it, where the data set puts them."""
    places = [folder / below / name for name in names for below in ("", "AdditionalFiles")]
    return next((path for path in places if path.is_file()), None)


def lastfm_file(root: Path, name: str) -> Path | None:
    """`name` in lastfm/ or in the root."""
    return next((path for path in (root / "lastfm" / name, root / name) if path.is_file()), None)


def lastfm_trees(root: Path) -> list[Path]:
    """Folders of JSON files, in lastfm/ or in the root: the data set comes as one for training and one for tests."""
    return [path for below in ("lastfm", "") for name in _JSON_TREES if (path := root / below / name).is_dir()]


def bags_of_words(root: Path) -> list[Path]:
    """musiXmatch's files, in musixmatch/ or in the root."""
    return sorted(path for below in ("musixmatch", "") for path in (root / below).glob("mxm_dataset_*.txt"))


def _folders(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return []
