"""Songs that a person likes, and those that it does not: no more than a list, for whoever asks with it."""

from pydantic import BaseModel

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.kept_files import KeptFile

_MOST = 100_000


class Likes(BaseModel, extra="forbid"):
    """Ids of songs, in the order in which they came."""

    liked: list[str] = []
    disliked: list[str] = []


class LikesFile:
    """The list of a home, `kept/likes.json`."""

    def __init__(self, workspace: Workspace) -> None:
        self._file = KeptFile(workspace.home / "kept" / "likes.json", Likes)

    def read(self) -> Likes:
        """The list; raises RawDataError where the file is damaged."""
        return self._file.read()

    def changed_ns(self) -> int | None:
        """When the list changed last; null before the first time."""
        try:
            return self._file.path.stat().st_mtime_ns
        except OSError:
            return None

    def set(self, song_id: str, likes: bool | None) -> Likes:
        """Put a song on one side, or on none where null.

        Raises:
            SimSongError: the list is full.
        """
        with self._file.changed() as held:
            liked, disliked = ([i for i in side if i != song_id] for side in (held[0].liked, held[0].disliked))
            if likes is not None:
                (liked if likes else disliked).append(song_id)
            if len(liked) + len(disliked) > _MOST:
                raise SimSongError(f"{self._file.path} holds {_MOST} songs already: take some off")
            held[0] = Likes(liked=liked, disliked=disliked)
            return held[0]
