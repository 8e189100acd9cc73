"""The state of a music file, and the row of one that cannot be used: what is known without opening it.

Apart from `recording`, which loads the readers of audio and tags: a night in which no file changed does without them.
"""

from simsong_pipeline.errors import UNREAD

CRASHED = "opening it brought down the process that did"
# How reasons begin that may have passed by the next scan.
PASSING = (UNREAD, CRASHED)
# Path, size in bytes, time of change in ns, that of the lyrics beside it.
FileState = tuple[str, int, int, int]
Row = tuple[object, ...]
# Given to the process that opens files where only their lyrics are wanted.
ONLY_LYRICS = "--only-lyrics"
# In place of a size.
GONE, MISNAMED, FORBIDDEN = -1, -2, -3
UNOPENED = {
    0: "file is empty",
    GONE: "a link that leads nowhere, or a file that may not be read",
    MISNAMED: "its name is not UTF-8: rename it",
    FORBIDDEN: "a folder that may not be listed: check its permissions",
}


def unusable(state: FileState, reason: str) -> Row:
    """The row of a file that is left out."""
    return (*state, *[None] * 10, "invalid", reason)
