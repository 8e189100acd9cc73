"""The errors a person can act on.

Each message is one line that names the file or id and says what to do; the command line and Dagster
print it as it is. Programming errors stay ordinary exceptions with their traceback.
"""

import errno

from simsong_pipeline.extras import extra_of, remedy
from simsong_pipeline.redaction import without_secrets

# How the reason of an audio file begins that the next run may be able to read: a drive that did not answer, memory
# that ran out.
UNREAD = "cannot be read"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FULL_WORDS = ("no space left on device", "disk is full", "disk quota exceeded", "file too large")


class SimSongError(Exception):
    """Base of every error whose message is meant for the person who runs SimSong.

    Args:
        lines: the message, and further lines where it lists something. Names in them may hold anything; whoever shows
            a line escapes it.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines without secrets."""
        return tuple(without_secrets(str(line)) for line in self.args)

    def __str__(self) -> str:
        return "\n".join(self.lines)


class RawDataError(SimSongError):
    """A raw file or folder is missing, unreadable, or not of its format."""


class AudioError(SimSongError):
    """One audio file cannot be used; its message becomes the reason in the audio frame."""


class SchemaError(SimSongError):
    """A frame breaks its data contract."""


class ModelError(SimSongError):
    """A model, checkpoint or ONNX file is missing, damaged, or does not fit its manifest."""


class ModelUnavailableError(ModelError):
    """A pretrained model is not on this machine and cannot be fetched now; work can go on without it."""


class MissingExtraError(SimSongError):
    """What a task needs is no part of the package alone, and is not installed.

    Args:
        what: the beginning of the message, that torch is not installed say.
        extra: of the package, which brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what}: {remedy(extra)}")


class StoreError(SimSongError):
    """The vector database refuses, does not answer, or holds something unexpected."""


class BusyError(SimSongError):
    """Another process holds what is needed, and went on holding it; nothing was changed."""


class EngineError(SimSongError):
    """What carries the work of buckets cannot be had, or loses its workers again and again."""


class StaleRunError(SimSongError):
    """Another run has begun since; nothing was published."""


class DiskFullError(SimSongError):
    """There is no room on a disk; what was done before is kept."""


class EvaluationError(SimSongError):
    """A metric is undefined for what it was given."""


class UnprovenError(EvaluationError):
    """A model was measured and is not clearly above chance, so nothing was published."""


class UnknownSongError(SimSongError):
    """A song was asked for that is not in the catalogue."""


class UnknownTagError(SimSongError):
    """A tag was asked for that no song of the catalogue has."""


class AmbiguousSongError(SimSongError):
    """A song was asked for by words that fit several."""


def unread(error: OSError | MemoryError) -> str:
    """The reason of an audio file that the system could not read, or not now."""
    return f"{UNREAD} ({getattr(error, 'strerror', None) or first_line(error)})"


def first_line(error: BaseException) -> str:
    """What a library's error says, for one line, without secrets; the name of its kind where it says nothing."""
    # Before it is cut: a secret may hold a newline.
    return (without_secrets(str(error)).strip().splitlines() or [type(error).__name__])[0]


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that it came from, says that a disk, a quota or a file's limit is used up."""
    seen: BaseException | None = error
    for _ in range(20):  # a chain may lead back to its beginning
        if seen is None:
            return False
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        # Libraries of other languages raise kinds of their own.
        if any(words in str(seen).lower() for words in _FULL_WORDS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def told_to_people(error: Exception) -> Exception | None:
    """The error in the words for a person; null for a mistake in the program, whose traceback is wanted."""
    if isinstance(error, SimSongError):
        return error
    if isinstance(error, ModuleNotFoundError) and (extra := extra_of(error.name or "")) is not None:
        return MissingExtraError(f"{(error.name or '').partition('.')[0]} is not installed", extra)
    if is_disk_full(error):
        where = getattr(error, "filename", None)
        return DiskFullError(
            f"there is no room on the disk{f' for {where}' if where else ''}: make room and run the same command "
            "again; what was done before is kept"
        )
    return error if isinstance(error, OSError) else None
