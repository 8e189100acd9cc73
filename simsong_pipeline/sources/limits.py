"""How much one raw file may ask for, in bytes, entries, seconds and memory: the only place that says so.

Far above what real data hold, so that what is beyond was made to hurt, or is no such file at all. It costs its row.
"""

import resource
from pathlib import Path

MIB = 1 << 20
# Lyrics beside a recording or in its tags, and a page of them: the longest songs have some 20,000 characters.
LYRICS_BYTES = 2 * MIB
# One song's record of Last.fm as JSON: 1,000 neighbours are 40 kB.
RECORD_BYTES = 16 * MIB
# A playlist or a CSV catalogue: a million songs by a path of 250 characters.
LIST_BYTES = 256 * MIB
COLUMNS = 1_000
# Rows of an HDF5 or SQLite table: the Million Song Dataset has 10^6 songs and 6 * 10^5 lists of neighbours.
ROWS = 20_000_000
# Events of a track: the longest of the Million Song Dataset lasts 50 minutes, and has some 12,000.
EVENTS = 200_000
# A cell of SQLite: the longest list of neighbours of Last.fm is below a megabyte.
CELL_BYTES = 64 * MIB
# A title, a name or a genre.
NAME_CHARACTERS = 500
CUT = " … (cut)"
# A path: longer ones are no file's on any system.
PATH_CHARACTERS = 4_096
# Opening a recording: all of a lossless hour is read in some seconds from a disk, and in a minute from a slow share.
SECONDS_A_FILE = 300.0
# Of the address space of a process that opens recordings, beyond what it has when it begins.
MEMORY_BYTES = 1_024 * MIB


class TooLargeError(ValueError):
    """A file that asks for more than its kind may."""


def bounded_bytes(path: Path, limit: int) -> bytes:
    """The content of a file.

    Raises:
        TooLargeError: it has more than `limit` bytes; at most so many are read.
        OSError: it cannot be read.
    """
    with path.open("rb") as handle:
        content = handle.read(limit + 1)
    if len(content) > limit:
        raise TooLargeError(f"larger than {limit // MIB} MB, which no file of its kind is")
    return content


def cut(name: str | None) -> str | None:
    """A name of at most `NAME_CHARACTERS`; a longer one ends in a mark."""
    if name is None or len(name) <= NAME_CHARACTERS:
        return name
    return name[: NAME_CHARACTERS - len(CUT)] + CUT


def limit_memory() -> None:
    """Let this process have `MEMORY_BYTES` more than it has; what asks for more gets a MemoryError."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return  # a system that does not say what a process has, and mostly does not keep such limits either
    wanted = pages * resource.getpagesize() + MEMORY_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
