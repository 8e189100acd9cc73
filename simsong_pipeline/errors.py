"""The errors a person can act on.

Each message is one line that names the file or id and says what to do; the command line and Dagster
print it as it is. Programming errors stay ordinary exceptions with their traceback.
"""

# How the reason of an audio file begins that the next run may be able to read: a drive that did not answer, memory
# that ran out.
UNREAD = "cannot be read"


class SimSongError(Exception):
    """Base of every error whose message is meant for the person who runs SimSong."""


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


class StoreError(SimSongError):
    """The vector database refuses, does not answer, or holds something unexpected."""


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
    """What a library's error says, for one line of ours; the name of its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
